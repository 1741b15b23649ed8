/* Key pairs of a container. */
#ifndef KEYS_H
#define KEYS_H

#include "device.h"

/* The private key, opened with the user's log-in; the caller frees it. Good until and after operation_end. */
ULONG key_open(struct operation *run, enum use use, EVP_PKEY **key);
/* Seal a private key into the pair whose public half is there. */
bool key_seal(struct operation *run, enum use use, const uint8_t master[SEAL_KEY], const uint8_t scalar[SM2_SCALAR]);
/* Seal a pair into the container and store it. Another key is never overwritten. */
ULONG key_store(struct operation *run, enum use use, const uint8_t scalar[SM2_SCALAR], const uint8_t point[SM2_POINT]);

#endif
