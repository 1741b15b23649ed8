/* One vendor's library, loaded. Used by the worker process alone. */
#ifndef AGENT_SKF_LIBRARY_H
#define AGENT_SKF_LIBRARY_H

#include <stdbool.h>

#include "../include/banyan_skf.h"

#define SKF_FUNCTIONS(each)                                                                                        \
    each(EnumDev) each(ConnectDev) each(DisConnectDev) each(GetDevInfo) each(DevAuth) each(ChangePIN)              \
    each(GetPINInfo) each(VerifyPIN) each(ClearSecureState) each(CreateApplication) each(EnumApplication)          \
    each(OpenApplication) each(CloseApplication) each(CreateContainer) each(OpenContainer) each(CloseContainer)    \
    each(EnumContainer) each(ImportCertificate) each(ExportCertificate) each(GenRandom) each(GenECCKeyPair)        \
    each(ImportECCKeyPair) each(ECCSignData) each(ExportPublicKey) each(ImportSessionKey) each(DecryptInit)        \
    each(Decrypt) each(DigestInit) each(DigestUpdate) each(DigestFinal) each(CloseHandle)

struct skf {
#define DECLARE(name) __typeof__(SKF_##name) *name;
    SKF_FUNCTIONS(DECLARE)
#undef DECLARE
    /* Of our own library only; NULL elsewhere. */
    __typeof__(BYT_GenRemoteUnblockRequest) *GenRemoteUnblockRequest;
    __typeof__(BYT_RemoteUnblockPIN) *RemoteUnblockPIN;
    __typeof__(BYT_ImportECCKeyPairFor) *ImportECCKeyPairFor;
    double spent_ms; /* within the library */
    double began_ms;
};

bool skf_load(struct skf *skf, const char *path);

/* A call, timed: what the library takes is told apart from what we add. */
#define SKF(skf, name, ...) (skf_begin(skf), skf_end(skf, (skf)->name(__VA_ARGS__)))
void skf_begin(struct skf *skf);
ULONG skf_end(struct skf *skf, ULONG code);

#endif
