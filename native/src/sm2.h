/* SM2 by libcrypto, in the forms that SKF uses: raw points, padded halves. */
#ifndef SM2_H
#define SM2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "../include/skf.h"

#define SM2_POINT 65 /* 04 | X | Y */
#define SM2_SCALAR 32
#define SM2_LONGEST_TEXT 4096

/* NULL when the point is not on the curve, or the scalar out of range or of another point. */
EVP_PKEY *sm2_public(const uint8_t point[SM2_POINT]);
EVP_PKEY *sm2_private(const uint8_t scalar[SM2_SCALAR], const uint8_t point[SM2_POINT]);
/* Also proves that the two belong together. */
EVP_PKEY *sm2_proved_private(const uint8_t scalar[SM2_SCALAR], const uint8_t point[SM2_POINT]);
bool sm2_generate(uint8_t scalar[SM2_SCALAR], uint8_t point[SM2_POINT]);

bool sm2_sign(EVP_PKEY *key, const uint8_t digest[32], ECCSIGNATUREBLOB *signature);
bool sm2_verify(EVP_PKEY *key, const uint8_t digest[32], const ECCSIGNATUREBLOB *signature);
bool sm2_encrypt(EVP_PKEY *key, const uint8_t *text, size_t size, ECCCIPHERBLOB *cipher);
/* *size: room in text, then what was written. */
bool sm2_decrypt(EVP_PKEY *key, const ECCCIPHERBLOB *cipher, uint8_t *text, size_t *size);

/* Begin a digest with Z of this signer (GB/T 32918.2). */
bool sm2_begin_with_z(EVP_MD_CTX *run, const uint8_t point[SM2_POINT], const uint8_t *id, size_t id_size);

void point_to_blob(const uint8_t point[SM2_POINT], ECCPUBLICKEYBLOB *blob);
bool blob_to_point(const ECCPUBLICKEYBLOB *blob, uint8_t point[SM2_POINT]); /* false for another form */

#endif
