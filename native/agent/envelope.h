/* ENVELOPEDKEYBLOB as it comes from the platform. */
#ifndef AGENT_ENVELOPE_H
#define AGENT_ENVELOPE_H

#include <stddef.h>

#include <jansson.h>

#include "../include/skf.h"
#include "bytes.h"

#define ENVELOPE_SIZE (offsetof(ENVELOPEDKEYBLOB, ECCCipherBlob) + offsetof(ECCCIPHERBLOB, Cipher) + 16)

/* Some devices look for the 32 octets at the beginning of their field: `key_field` of the profile says so. */
void envelope_place_key(const json_t *profile, struct bytes *envelope);

#endif
