/* Session keys: SM4 keys that live as long as their handle. */
#ifndef SESSION_H
#define SESSION_H

#include "device.h"

#define SM4_KEY 16
#define SM4_BLOCK 16

enum direction { DECRYPT, ENCRYPT };

struct session_key {
    struct object object; /* parent: device, so that closing the container does not end it */
    ULONG algorithm;
    uint8_t *key; /* locked memory */
    struct {
        EVP_CIPHER_CTX *run; /* NULL: not initialised */
        bool is_block, is_padded;
        size_t held; /* octets that wait inside for more */
    } sides[2];      /* by enum direction */
};

/* NULL for an algorithm that is not one of SM4's. */
const EVP_CIPHER *session_cipher(ULONG algorithm);
ULONG session_new(struct object *parent, ULONG algorithm, const uint8_t key[SM4_KEY], HANDLE *handle);

#endif
