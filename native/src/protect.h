/* How data are protected at rest: SM4-CTR, then HMAC-SM3 over everything (this libcrypto has no SM4-GCM). */
#ifndef PROTECT_H
#define PROTECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY 32
#define IV_BYTES 16
#define MAC_BYTES 32
#define SEAL_ADDS (IV_BYTES + MAC_BYTES)

struct part {
    const void *data;
    size_t size;
};

/* HMAC-SM3 over the parts one after the other. */
bool hmac_sm3(const uint8_t *key, size_t key_size, const struct part *parts, size_t count, uint8_t mac[MAC_BYTES]);
bool pbkdf2_sm3(const uint8_t *password, size_t size, const uint8_t salt[16], uint32_t iterations, uint8_t *key,
                size_t key_size);

/* iv | ciphertext | mac into out (size + SEAL_ADDS), bound to context. */
bool seal(const uint8_t key[SEAL_KEY], struct part context, const uint8_t *data, size_t size, uint8_t *out);
/* The size - SEAL_ADDS octets inside; false for a wrong key, a wrong context or changed data, and then out is empty. */
bool unseal(const uint8_t key[SEAL_KEY], struct part context, const uint8_t *sealed, size_t size, uint8_t *out);

#endif
