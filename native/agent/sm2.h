/* SM2 values between the forms of DER, SKF and libcrypto, and what needs no token. All arithmetic is libcrypto's. */
#ifndef AGENT_SM2_H
#define AGENT_SM2_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "../include/skf.h"
#include "bytes.h"

#define POINT 65 /* 04‖X‖Y */

void point_of_blob(const ECCPUBLICKEYBLOB *blob, uint8_t point[POINT]);
void blob_of_point(const uint8_t point[POINT], ECCPUBLICKEYBLOB *blob);

/* SubjectPublicKeyInfo of a point. */
struct bytes spki_of_point(const uint8_t point[POINT]);

/* NULL when it is no SM2 key. */
EVP_PKEY *key_of_spki(const uint8_t *data, size_t size);

/* NULL when it is no certificate. */
X509 *certificate_of(const struct bytes *der);

/* The public key of a certificate; false when it is not of SM2's size. */
bool point_of_certificate(const struct bytes *der, uint8_t point[POINT]);

/* DER of r and s. */
struct bytes der_of_signature(const ECCSIGNATUREBLOB *blob);

/* A whole ECCCIPHERBLOB with its ciphertext; false when it is no SM2Cipher. */
bool cipher_blob_of_der(const struct bytes *der, struct bytes *blob);

/* Signature over a message, SM3, default identity. */
bool sm2_verify(EVP_PKEY *key, const void *message, size_t size, const struct bytes *signature);

bool sm2_decrypt(EVP_PKEY *key, const struct bytes *cipher, struct bytes *plain);

bool sm3(const void *data, size_t size, uint8_t digest[32]);

#define IDENTITY "1234567812345678"

#endif
