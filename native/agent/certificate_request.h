/* PKCS#10 whose signature is made elsewhere. */
#ifndef AGENT_CERTIFICATE_REQUEST_H
#define AGENT_CERTIFICATE_REQUEST_H

#include "sm2.h"

/* False when the subject is no name, or `sign` fails. */
bool certificate_request(const struct bytes *subject, const uint8_t point[POINT],
                         bool (*sign)(void *with, const void *message, size_t size, struct bytes *signature), void *with,
                         struct bytes *request);

#endif
