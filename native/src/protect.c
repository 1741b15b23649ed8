#include "protect.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "memory.h"

bool hmac_sm3(const uint8_t *key, size_t key_size, const struct part *parts, size_t count, uint8_t mac[MAC_BYTES]) {
    char sm3[] = "SM3";
    OSSL_PARAM digest[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, sm3, 3), OSSL_PARAM_END};
    EVP_MAC *method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *run = EVP_MAC_CTX_new(method);
    size_t made = 0;
    bool good = run && EVP_MAC_init(run, key, key_size, digest) == 1;
    for (size_t i = 0; good && i < count; i++) good = EVP_MAC_update(run, parts[i].data, parts[i].size) == 1;
    good = good && EVP_MAC_final(run, mac, &made, MAC_BYTES) == 1 && made == MAC_BYTES;
    EVP_MAC_CTX_free(run);
    EVP_MAC_free(method);
    return good;
}

bool pbkdf2_sm3(const uint8_t *password, size_t size, const uint8_t salt[16], uint32_t iterations, uint8_t *key,
                size_t key_size) {
    return iterations > 0 && iterations <= INT_MAX &&
           PKCS5_PBKDF2_HMAC((const char *)password, (int)size, salt, 16, (int)iterations, EVP_sm3(), (int)key_size,
                             key) == 1;
}

/* One key never serves both the cipher and the MAC. */
static bool split(const uint8_t key[SEAL_KEY], uint8_t cipher_key[MAC_BYTES], uint8_t mac_key[MAC_BYTES]) {
    return hmac_sm3(key, SEAL_KEY, &(struct part){"banyan-skf cipher", 17}, 1, cipher_key) &&
           hmac_sm3(key, SEAL_KEY, &(struct part){"banyan-skf mac", 14}, 1, mac_key);
}

static bool ctr(const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t size, uint8_t *out) {
    EVP_CIPHER_CTX *run = EVP_CIPHER_CTX_new();
    int made = 0;
    bool good = run && size <= INT_MAX && EVP_EncryptInit_ex(run, EVP_sm4_ctr(), NULL, key, iv) == 1 &&
                EVP_EncryptUpdate(run, out, &made, in, (int)size) == 1 && (size_t)made == size;
    EVP_CIPHER_CTX_free(run);
    return good;
}

static bool tag(const uint8_t *key, struct part context, const uint8_t *sealed, size_t size, uint8_t mac[MAC_BYTES]) {
    const uint8_t length[4] = {context.size >> 24, context.size >> 16, context.size >> 8, context.size};
    const struct part parts[] = {{length, 4}, context, {sealed, size}};
    return hmac_sm3(key, MAC_BYTES, parts, 3, mac);
}

bool seal(const uint8_t key[SEAL_KEY], struct part context, const uint8_t *data, size_t size, uint8_t *out) {
    uint8_t cipher_key[MAC_BYTES], mac_key[MAC_BYTES];
    bool good = split(key, cipher_key, mac_key) && RAND_bytes(out, IV_BYTES) == 1 &&
                ctr(cipher_key, out, data, size, out + IV_BYTES) &&
                tag(mac_key, context, out, IV_BYTES + size, out + IV_BYTES + size);
    wipe(cipher_key, sizeof cipher_key);
    wipe(mac_key, sizeof mac_key);
    return good;
}

bool unseal(const uint8_t key[SEAL_KEY], struct part context, const uint8_t *sealed, size_t size, uint8_t *out) {
    uint8_t cipher_key[MAC_BYTES], mac_key[MAC_BYTES], mac[MAC_BYTES];
    if (size < SEAL_ADDS) return false;
    const size_t inside = size - SEAL_ADDS;
    bool good = split(key, cipher_key, mac_key) && tag(mac_key, context, sealed, size - MAC_BYTES, mac) &&
                CRYPTO_memcmp(mac, sealed + size - MAC_BYTES, MAC_BYTES) == 0 &&
                ctr(cipher_key, sealed, sealed + IV_BYTES, inside, out);
    if (!good) memset(out, 0, inside);
    wipe(cipher_key, sizeof cipher_key);
    wipe(mac_key, sizeof mac_key);
    return good;
}
