/* Threads that share handles, for the thread sanitizer. usage: threads SECONDS, with BANYAN_SKF_ROOT in an empty place. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../include/banyan_skf.h"

#define CHECK(what) \
    if (!(what)) {  \
        printf("line %d: %s\n", __LINE__, #what); \
        abort();    \
    }

static DEVHANDLE device;
static HAPPLICATION application;
static HCONTAINER container;
static ECCPUBLICKEYBLOB key;
static atomic_bool is_over;

static void set_up(void) {
    BYTE auth_key[16] = {0}, block[16] = {0}, answer[32];
    ULONG room = sizeof answer, left;
    HANDLE cipher;
    const BLOCKCIPHERPARAM plain = {.IVLen = 0};
    CHECK(BYT_CreateDevice("THREADS", "", auth_key, 10000) == SAR_OK);
    CHECK(SKF_ConnectDev("THREADS", &device) == SAR_OK && SKF_GenRandom(device, block, 8) == SAR_OK);
    CHECK(SKF_SetSymmKey(device, auth_key, SGD_SM4_ECB, &cipher) == SAR_OK && SKF_EncryptInit(cipher, plain) == SAR_OK);
    CHECK(SKF_Encrypt(cipher, block, 16, answer, &room) == SAR_OK && SKF_DevAuth(device, answer, 16) == SAR_OK);
    CHECK(SKF_CreateApplication(device, "threads", "adm1n-PIN", 10, "us3r-PIN", 10, 0xFF, &application) == SAR_OK);
    CHECK(SKF_VerifyPIN(application, USER_TYPE, "us3r-PIN", &left) == SAR_OK);
    CHECK(SKF_CreateContainer(application, "box", &container) == SAR_OK);
    CHECK(SKF_GenECCKeyPair(container, SGD_SM2_1, &key) == SAR_OK);
}

static void *sign(void *unused) {
    (void)unused;
    while (!is_over) {
        BYTE digest[32] = {1};
        ECCSIGNATUREBLOB signature;
        const ULONG result = SKF_ECCSignData(container, digest, 32, &signature);
        CHECK(result == SAR_OK || result == SAR_USER_NOT_LOGGED_IN);
        CHECK(result != SAR_OK || SKF_ECCVerify(device, &key, digest, 32, &signature) == SAR_OK);
    }
    return NULL;
}

static void *log_in_and_out(void *unused) {
    (void)unused;
    while (!is_over) {
        ULONG left, most;
        BOOL is_default;
        CHECK(SKF_ClearSecureState(application) == SAR_OK);
        CHECK(SKF_VerifyPIN(application, USER_TYPE, "us3r-PIN", &left) == SAR_OK && left == 10);
        CHECK(SKF_GetPINInfo(application, USER_TYPE, &most, &left, &is_default) == SAR_OK);
    }
    return NULL;
}

static void *come_and_go(void *unused) {
    (void)unused;
    while (!is_over) {
        DEVHANDLE other;
        HAPPLICATION opened;
        HANDLE hash, cipher;
        BYTE digest[32];
        ULONG room = sizeof digest;
        CHECK(SKF_ConnectDev("THREADS", &other) == SAR_OK && SKF_SetLabel(other, "label") == SAR_OK);
        CHECK(SKF_OpenApplication(other, "threads", &opened) == SAR_OK);
        CHECK(SKF_DigestInit(other, SGD_SM3, NULL, NULL, 0, &hash) == SAR_OK);
        CHECK(SKF_Digest(hash, digest, 32, digest, &room) == SAR_OK);
        CHECK(SKF_SetSymmKey(other, digest, SGD_SM4_CBC, &cipher) == SAR_OK);
        if (digest[0] & 1) CHECK(SKF_CloseHandle(hash) == SAR_OK);
        CHECK(SKF_DisConnectDev(other) == SAR_OK);
        CHECK(SKF_CloseApplication(opened) == SAR_INVALIDHANDLEERR && SKF_CloseHandle(cipher) == SAR_INVALIDHANDLEERR);
        CHECK(SKF_CloseHandle(hash) == SAR_INVALIDHANDLEERR);
    }
    return NULL;
}

static void *lock(void *unused) {
    (void)unused;
    while (!is_over) {
        DEVHANDLE other;
        CHECK(SKF_ConnectDev("THREADS", &other) == SAR_OK);
        if (SKF_LockDev(other, 20) == SAR_OK) {
            CHECK(SKF_SetLabel(other, "locked") == SAR_OK);
            CHECK(SKF_UnlockDev(other) == SAR_OK);
        }
        CHECK(SKF_DisConnectDev(other) == SAR_OK);
    }
    return NULL;
}

int main(int count, char **arguments) {
    void *(*const jobs[])(void *) = {sign, sign, log_in_and_out, come_and_go, come_and_go, lock};
    pthread_t threads[sizeof jobs / sizeof *jobs];
    if (count != 2) return 2;
    set_up();
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) CHECK(pthread_create(&threads[i], NULL, jobs[i], NULL) == 0);
    nanosleep(&(struct timespec){atoi(arguments[1]), 0}, NULL);
    is_over = 1;
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) pthread_join(threads[i], NULL);
    CHECK(SKF_DisConnectDev(device) == SAR_OK);
    return 0;
}
