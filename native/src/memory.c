#include "memory.h"

#include <pthread.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define HEAP_BYTES (1 << 16) /* what an old system lets a user lock */
#define SMALLEST 32

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool works;

static void set_up(void) {
    uint8_t probe[1];
    /* The host program's OpenSSL configuration is not ours, and its exit handlers may run before ours. */
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL)) return;
#ifndef __SANITIZE_ADDRESS__ /* which sees more in its own heap */
    /* 2: in use, but the system did not let us lock it. Better than no key at all. */
    if (CRYPTO_secure_malloc_init(HEAP_BYTES, SMALLEST) == 0) return;
#endif
    works = RAND_bytes(probe, sizeof probe) == 1;
}

bool crypto_ready(void) {
    pthread_once(&once, set_up);
    return works;
}

void *secret_new(size_t size) { return OPENSSL_secure_zalloc(size); }

void secret_free(void *secret, size_t size) { OPENSSL_secure_clear_free(secret, size); }

void wipe(void *data, size_t size) { OPENSSL_cleanse(data, size); }
