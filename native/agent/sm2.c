#include "sm2.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/ec.h>
#include <openssl/err.h>

/* SEQUENCE { SEQUENCE { id-ecPublicKey, SM2 curve }, BIT STRING of a point } up to the point */
static const uint8_t SPKI_HEAD[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d, 0x03, 0x42, 0x00};

/* SM2Cipher of GM/T 0009 */
typedef struct {
    ASN1_INTEGER *x, *y;
    ASN1_OCTET_STRING *hash, *cipher;
} SM2CIPHER;
ASN1_SEQUENCE(SM2CIPHER) = {
    ASN1_SIMPLE(SM2CIPHER, x, ASN1_INTEGER),
    ASN1_SIMPLE(SM2CIPHER, y, ASN1_INTEGER),
    ASN1_SIMPLE(SM2CIPHER, hash, ASN1_OCTET_STRING),
    ASN1_SIMPLE(SM2CIPHER, cipher, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(SM2CIPHER)

void point_of_blob(const ECCPUBLICKEYBLOB *blob, uint8_t point[POINT]) {
    point[0] = 4;
    memcpy(point + 1, blob->XCoordinate + 32, 32);
    memcpy(point + 33, blob->YCoordinate + 32, 32);
}

void blob_of_point(const uint8_t point[POINT], ECCPUBLICKEYBLOB *blob) {
    *blob = (ECCPUBLICKEYBLOB){.BitLen = 256};
    memcpy(blob->XCoordinate + 32, point + 1, 32);
    memcpy(blob->YCoordinate + 32, point + 33, 32);
}

struct bytes spki_of_point(const uint8_t point[POINT]) {
    struct bytes made = bytes_copy(SPKI_HEAD, sizeof SPKI_HEAD);
    bytes_append(&made, point, POINT);
    return made;
}

EVP_PKEY *key_of_spki(const uint8_t *data, size_t size) {
    const uint8_t *at = data;
    /* Only this form: it is the curve's test as well. libcrypto checks that the point is on it. */
    if (size != sizeof SPKI_HEAD + POINT || memcmp(data, SPKI_HEAD, sizeof SPKI_HEAD) != 0) return NULL;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)size);
    ERR_clear_error();
    return key;
}

X509 *certificate_of(const struct bytes *der) {
    const uint8_t *at = der->data;
    X509 *made = der->size ? d2i_X509(NULL, &at, (long)der->size) : NULL;
    ERR_clear_error();
    if (made && at != der->data + der->size) {
        X509_free(made);
        return NULL;
    }
    return made;
}

bool point_of_certificate(const struct bytes *der, uint8_t point[POINT]) {
    X509 *certificate = certificate_of(der);
    const ASN1_BIT_STRING *bits = certificate ? X509_get0_pubkey_bitstr(certificate) : NULL;
    const bool good = bits && ASN1_STRING_length(bits) == POINT;
    if (good) memcpy(point, ASN1_STRING_get0_data(bits), POINT);
    X509_free(certificate);
    return good;
}

struct bytes der_of_signature(const ECCSIGNATUREBLOB *blob) {
    ECDSA_SIG *made = must_have(ECDSA_SIG_new());
    uint8_t *der = NULL;
    ECDSA_SIG_set0(made, BN_bin2bn(blob->r, sizeof blob->r, NULL), BN_bin2bn(blob->s, sizeof blob->s, NULL));
    const int size = i2d_ECDSA_SIG(made, &der);
    struct bytes out = bytes_copy(der, size > 0 ? (size_t)size : 0);
    OPENSSL_free(der);
    ECDSA_SIG_free(made);
    return out;
}

/* Right-aligned in a field of 64 */
static bool put_integer(const ASN1_INTEGER *value, uint8_t field[64]) {
    const int size = ASN1_STRING_length(value);
    if (ASN1_STRING_type(value) != V_ASN1_INTEGER || size < 1 || size > 32) return false;
    memcpy(field + 64 - size, ASN1_STRING_get0_data(value), (size_t)size);
    return true;
}

bool cipher_blob_of_der(const struct bytes *der, struct bytes *blob) {
    const uint8_t *at = der->data;
    ECCCIPHERBLOB head;
    memset(&head, 0, sizeof head);
    *blob = (struct bytes){NULL, 0};
    SM2CIPHER *read = (SM2CIPHER *)ASN1_item_d2i(NULL, &at, (long)der->size, ASN1_ITEM_rptr(SM2CIPHER));
    ERR_clear_error();
    const bool good = read && at == der->data + der->size && put_integer(read->x, head.XCoordinate) &&
                      put_integer(read->y, head.YCoordinate) && ASN1_STRING_length(read->hash) == 32 &&
                      ASN1_STRING_length(read->cipher) > 0;
    if (good) {
        head.CipherLen = (ULONG)ASN1_STRING_length(read->cipher);
        memcpy(head.HASH, ASN1_STRING_get0_data(read->hash), 32);
        *blob = bytes_copy(&head, offsetof(ECCCIPHERBLOB, Cipher));
        bytes_append(blob, ASN1_STRING_get0_data(read->cipher), head.CipherLen);
    }
    ASN1_item_free((ASN1_VALUE *)read, ASN1_ITEM_rptr(SM2CIPHER));
    return good;
}

bool sm2_verify(EVP_PKEY *key, const void *message, size_t size, const struct bytes *signature) {
    EVP_MD_CTX *digest = must_have(EVP_MD_CTX_new());
    EVP_PKEY_CTX *context = must_have(EVP_PKEY_CTX_new(key, NULL));
    EVP_MD_CTX_set_pkey_ctx(digest, context);
    const bool good = EVP_PKEY_CTX_set1_id(context, IDENTITY, sizeof IDENTITY - 1) > 0 &&
                      EVP_DigestVerifyInit(digest, NULL, EVP_sm3(), NULL, key) > 0 &&
                      EVP_DigestVerify(digest, signature->data, signature->size, message, size) == 1;
    ERR_clear_error();
    EVP_PKEY_CTX_free(context);
    EVP_MD_CTX_free(digest);
    return good;
}

bool sm2_decrypt(EVP_PKEY *key, const struct bytes *cipher, struct bytes *plain) {
    EVP_PKEY_CTX *context = must_have(EVP_PKEY_CTX_new(key, NULL));
    size_t size = cipher->size;
    *plain = (struct bytes){must_have(calloc(1, size + 1)), size};
    const bool good = EVP_PKEY_decrypt_init(context) > 0 &&
                      EVP_PKEY_decrypt(context, plain->data, &size, cipher->data, cipher->size) > 0;
    ERR_clear_error();
    EVP_PKEY_CTX_free(context);
    if (!good) bytes_free(plain);
    else plain->size = size;
    return good;
}

bool sm3(const void *data, size_t size, uint8_t digest[32]) {
    return EVP_Digest(data, size, digest, NULL, EVP_sm3(), NULL) == 1;
}
