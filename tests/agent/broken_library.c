/* A vendor's library at its worst. BROKEN says how, BROKEN_AT at which call of which function ("ImportCertificate:2");
 * everything else is passed on to REAL_LIBRARY.
 *
 *   hangs, crashes   the library itself
 *   pulled           the token, whose directory is DRAWER, is pulled out right before the call; it goes to DRAWER~
 *   full             from the call on nothing more fits on the disk
 *   killed           the agent and this worker are killed right before the call */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "skf.h"

static int is(const char *how) {
    const char *told = getenv("BROKEN");
    return told && !strcmp(told, how);
}

static void *real(const char *name) {
    char symbol[64];
    snprintf(symbol, sizeof symbol, "SKF_%s", name);
    return dlsym(dlopen(getenv("REAL_LIBRARY"), RTLD_NOW), symbol);
}

static void pull(void) {
    const char *drawer = getenv("DRAWER");
    char away[1000];
    /* Once: each worker counts its own calls. */
    snprintf(away, sizeof away, "%s.pulled", drawer);
    if (open(away, O_CREAT | O_EXCL, 0600) < 0) return;
    snprintf(away, sizeof away, "%s~", drawer);
    if (rename(drawer, away)) abort();
}

static void fill(void) {
    const struct rlimit none = {0, 0};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &none);
}

static void before(const char *name, unsigned times) {
    const char *at = getenv("BROKEN_AT");
    char now[64];
    snprintf(now, sizeof now, "%s:%u", name, times);
    if (at && strcmp(at, now) != 0) return;
    if (is("hangs")) pause();
    if (is("crashes")) abort();
    if (is("pulled")) pull();
    if (is("full")) fill();
    if (is("killed")) {
        kill(getppid(), SIGKILL);
        kill(getpid(), SIGKILL);
    }
}

#define PASS(name, parameters, arguments)        \
    ULONG SKF_##name parameters {                \
        static unsigned times;                   \
        ULONG(*next) parameters = real(#name);   \
        before(#name, ++times);                  \
        return next arguments;                   \
    }

PASS(EnumDev, (BOOL present, LPSTR names, ULONG *size), (present, names, size))
PASS(VerifyPIN, (HAPPLICATION app, ULONG who, LPSTR pin, ULONG *left), (app, who, pin, left))
PASS(ChangePIN, (HAPPLICATION app, ULONG who, LPSTR old, LPSTR new, ULONG *left), (app, who, old, new, left))
PASS(CreateContainer, (HAPPLICATION app, LPSTR name, HCONTAINER *box), (app, name, box))
PASS(OpenContainer, (HAPPLICATION app, LPSTR name, HCONTAINER *box), (app, name, box))
PASS(GenECCKeyPair, (HCONTAINER box, ULONG algorithm, ECCPUBLICKEYBLOB *blob), (box, algorithm, blob))
PASS(ExportPublicKey, (HCONTAINER box, BOOL is_signing, BYTE *blob, ULONG *size), (box, is_signing, blob, size))
PASS(ImportECCKeyPair, (HCONTAINER box, PENVELOPEDKEYBLOB envelope), (box, envelope))
PASS(ImportCertificate, (HCONTAINER box, BOOL is_signing, BYTE *der, ULONG size), (box, is_signing, der, size))
PASS(ExportCertificate, (HCONTAINER box, BOOL is_signing, BYTE *der, ULONG *size), (box, is_signing, der, size))
PASS(DigestInit, (DEVHANDLE dev, ULONG algorithm, ECCPUBLICKEYBLOB *key, unsigned char *id, ULONG size, HANDLE *hash),
     (dev, algorithm, key, id, size, hash))
PASS(ECCSignData, (HCONTAINER box, BYTE *data, ULONG size, PECCSIGNATUREBLOB signature), (box, data, size, signature))
