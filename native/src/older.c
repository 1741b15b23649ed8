#include "older.h"

#include <stdio.h>
#include <string.h>

#include <openssl/modes.h>

#include "keys.h"

#define OLDER_KEY 16
#define NONCE 12
#define TAG 16
#define MOST_CONTEXT (64 + SERIAL_ROOM + CONTAINER_ROOM + SM2_POINT)

static void encrypt_block(const unsigned char in[16], unsigned char out[16], const void *run) {
    int made;
    EVP_EncryptUpdate((EVP_CIPHER_CTX *)run, out, &made, in, 16);
}

/* nonce | ciphertext | tag. This libcrypto has no SM4-GCM, but GCM for any cipher. */
static bool open_gcm(const uint8_t key[OLDER_KEY], struct part context, const uint8_t *sealed, size_t inside, uint8_t *out) {
    EVP_CIPHER_CTX *run = EVP_CIPHER_CTX_new();
    GCM128_CONTEXT *gcm = NULL;
    bool good = run && EVP_EncryptInit_ex(run, EVP_sm4_ecb(), NULL, key, NULL) == 1;
    if (good) gcm = CRYPTO_gcm128_new(run, encrypt_block);
    if (gcm) CRYPTO_gcm128_setiv(gcm, sealed, NONCE);
    good = gcm && CRYPTO_gcm128_aad(gcm, context.data, context.size) == 0 &&
           CRYPTO_gcm128_decrypt(gcm, sealed + NONCE, out, inside) == 0 &&
           CRYPTO_gcm128_finish(gcm, sealed + NONCE + inside, TAG) == 0;
    if (!good) memset(out, 0, inside);
    CRYPTO_gcm128_release(gcm);
    EVP_CIPHER_CTX_free(run);
    return good;
}

static void renew_pair(struct operation *run, enum use use, const uint8_t older[OLDER_KEY], const uint8_t master[SEAL_KEY]) {
    struct pair *pair = &run->container->pairs[use];
    char context[MOST_CONTEXT];
    uint8_t *scalar = pair->is_older ? secret_new(SM2_SCALAR) : NULL;
    if (!scalar) return;
    const int head = snprintf(context, sizeof context, "%s key %s %s ", use == SIGNING ? "signing" : "encryption",
                              run->state->serial, run->container->name);
    memcpy(context + head, pair->point, SM2_POINT);
    /* What does not open stays as it is and is of no use. */
    if (open_gcm(older, (struct part){context, (size_t)head + SM2_POINT}, pair->sealed, SM2_SCALAR, scalar) &&
        key_seal(run, use, master, scalar))
        pair->is_older = false;
    secret_free(scalar, SM2_SCALAR);
}

bool older_unwrap(struct operation *run, ULONG type, const uint8_t key[SEAL_KEY], uint8_t master[SEAL_KEY]) {
    char context[MOST_CONTEXT];
    uint8_t older[OLDER_KEY];
    const int size = snprintf(context, sizeof context, "%s master key %s", type == USER_TYPE ? "user" : "admin",
                              run->state->serial);
    /* Both PINs lead to the same master key, whichever comes first. */
    const bool good =
        open_gcm(key, (struct part){context, (size_t)size}, run->application->pins[type].wrapped, OLDER_KEY, older) &&
        hmac_sm3(older, OLDER_KEY, &(struct part){"banyan-skf master", 17}, 1, master);
    for (size_t i = 0; good && i < run->application->container_count; i++) {
        run->container = run->application->containers[i];
        renew_pair(run, SIGNING, older, master);
        renew_pair(run, ENCRYPTION, older, master);
    }
    run->container = NULL;
    wipe(older, sizeof older);
    return good;
}
