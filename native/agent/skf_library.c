#include "skf_library.h"

#include <dlfcn.h>
#include <stdio.h>

#include "bytes.h"

bool skf_load(struct skf *skf, const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "banyan-agent: %s\n", dlerror());
        return false;
    }
#define FIND(name) \
    if (!(skf->name = (__typeof__(skf->name))dlsym(library, "SKF_" #name))) return false;
    SKF_FUNCTIONS(FIND)
#undef FIND
    skf->GenRemoteUnblockRequest =
        (__typeof__(skf->GenRemoteUnblockRequest))dlsym(library, "BYT_GenRemoteUnblockRequest");
    skf->RemoteUnblockPIN = (__typeof__(skf->RemoteUnblockPIN))dlsym(library, "BYT_RemoteUnblockPIN");
    skf->ImportECCKeyPairFor = (__typeof__(skf->ImportECCKeyPairFor))dlsym(library, "BYT_ImportECCKeyPairFor");
    return true;
}

void skf_begin(struct skf *skf) { skf->began_ms = now_ms(); }

ULONG skf_end(struct skf *skf, ULONG code) {
    skf->spent_ms += now_ms() - skf->began_ms;
    return code;
}
