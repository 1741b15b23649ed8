/* A TLS key with a certificate for localhost, from an issuer that exists only while this runs. */
#ifndef AGENT_LOCALHOST_CERTIFICATE_H
#define AGENT_LOCALHOST_CERTIFICATE_H

#include <openssl/bio.h>
#include <stdbool.h>

/* PEM: `own` gets key and certificate, `issuer` the issuing certificate alone. */
bool localhost_certificate(BIO *own, BIO *issuer);

/* Whether key and certificate in this PEM file are whole and the certificate is valid now and for a month yet. */
bool localhost_certificate_serves(const char *path);

/* Whether the certificate in the one file was issued by that in the other. */
bool localhost_certificate_is_under(const char *path, const char *root);

#endif
