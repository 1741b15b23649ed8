/* Seals of the soft token of version 0.1 (SM4-GCM), which conversion leaves as they are: only the first right PIN can open
 * them. Then master key and private keys are sealed as all others are. */
#ifndef OLDER_H
#define OLDER_H

#include "device.h"

/* The application's master key out of what a PIN sealed there; key: what the PIN derives to. Private keys that are sealed
 * in the older way are sealed anew. */
bool older_unwrap(struct operation *run, ULONG type, const uint8_t key[SEAL_KEY], uint8_t master[SEAL_KEY]);

#endif
