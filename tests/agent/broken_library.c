/* A vendor's library at its worst: BROKEN says how. Otherwise it passes everything on to REAL_LIBRARY. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skf.h"

static int is(const char *how) {
    const char *told = getenv("BROKEN");
    return told && !strcmp(told, how);
}

static void *real(const char *name) { return dlsym(dlopen(getenv("REAL_LIBRARY"), RTLD_NOW), name); }

/* Whatever a test breaks is reached through this one; the others come from the real library, which is loaded with ours. */
ULONG SKF_EnumDev(BOOL present, LPSTR names, ULONG *size) {
    ULONG (*next)(BOOL, LPSTR, ULONG *) = real("SKF_EnumDev");
    if (is("hangs")) pause();
    if (is("crashes")) abort();
    return next(present, names, size);
}

/* The slowness of a real token between two steps of a write. */
ULONG SKF_ImportCertificate(HCONTAINER box, BOOL is_signing, BYTE *certificate, ULONG size) {
    ULONG (*next)(HCONTAINER, BOOL, BYTE *, ULONG) = real("SKF_ImportCertificate");
    if (is("slow")) usleep(150 * 1000);
    return next(box, is_signing, certificate, size);
}
