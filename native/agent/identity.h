/* The installation's own keys: SM2 for sealed answers, P-256 for TLS on localhost. Made at the first start. */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "bytes.h"

#define KEY_ID 32 /* hexadecimal digits */

struct identity {
    EVP_PKEY *key;
    struct bytes public_key; /* SubjectPublicKeyInfo */
    char key_id[KEY_ID + 1];
    char *tls; /* path of the file with TLS key and certificate */
};

/* False, with a line for the person at the terminal, when the directory cannot be used. */
bool identity_load(struct identity *identity, const char *state);
void identity_free(struct identity *identity);

#endif
