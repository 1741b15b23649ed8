/* What a worker does with a token. Each takes an object with `profile`, `serial` and more, fills `result`, and leaves the
 * token closed and logged out. */
#ifndef AGENT_OPERATIONS_H
#define AGENT_OPERATIONS_H

#include <jansson.h>

#include "skf_library.h"

typedef ULONG operation(struct skf *skf, const json_t *asked, json_t *result, int *tries_left);

operation token_list;           /* all tokens of the library */
operation token_inspect;        /* what a window tells: label, holder, tries */
operation token_prepare;        /* a key in a container, its request */
operation token_write;          /* envelope and certificates, then read back */
operation token_recover;        /* a recovered old encryption key in a container of its own */
operation token_read_back;      /* certificates and a signature over a nonce */
operation token_sign_message;   /* signature over exactly these octets */
operation token_open_envelope;  /* data under a session key for the encryption key */
operation token_change_pin;     /* from one PIN to another */
operation token_unblock_asked;  /* the token's request */
operation token_unblock;        /* the platform's answer, which sets a PIN */

#endif
