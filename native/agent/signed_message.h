/* The octets that are signed. Each purpose has a beginning of its own, so that no signature can be used for another. */
#ifndef AGENT_SIGNED_MESSAGE_H
#define AGENT_SIGNED_MESSAGE_H

#include <jansson.h>
#include <stdint.h>

#include "bytes.h"

/* Of a `sign` message, and what the window says about it (the caller frees both). */
uint32_t signed_message(const json_t *message, const char *origin, struct bytes *octets, char **about);

uint32_t signed_read_back(const char *origin, const char *serial, const char *nonce, struct bytes *octets);

#endif
