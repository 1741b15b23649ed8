#include "sm2.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#include "memory.h"

#define HALF 32
#define FIELD 64

/* SM2Cipher of GM/T 0009, the form that libcrypto's SM2 encryption speaks. */
typedef struct {
    BIGNUM *x, *y;
    ASN1_OCTET_STRING *hash, *text;
} SM2_CIPHER;

ASN1_SEQUENCE(SM2_CIPHER) = {
    ASN1_SIMPLE(SM2_CIPHER, x, BIGNUM),
    ASN1_SIMPLE(SM2_CIPHER, y, BIGNUM),
    ASN1_SIMPLE(SM2_CIPHER, hash, ASN1_OCTET_STRING),
    ASN1_SIMPLE(SM2_CIPHER, text, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(SM2_CIPHER)
IMPLEMENT_STATIC_ASN1_ENCODE_FUNCTIONS(SM2_CIPHER)
IMPLEMENT_STATIC_ASN1_ALLOC_FUNCTIONS(SM2_CIPHER)

static EVP_PKEY *from_values(const uint8_t *scalar, const uint8_t *point) {
    OSSL_PARAM_BLD *values = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    BIGNUM *secret = scalar ? BN_secure_new() : NULL;
    OSSL_PARAM *list = NULL;
    EVP_PKEY *key = NULL;
    bool good = values && making && OSSL_PARAM_BLD_push_utf8_string(values, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0) &&
                OSSL_PARAM_BLD_push_octet_string(values, OSSL_PKEY_PARAM_PUB_KEY, point, SM2_POINT);
    if (good && scalar)
        good = secret && BN_bin2bn(scalar, SM2_SCALAR, secret) &&
               OSSL_PARAM_BLD_push_BN(values, OSSL_PKEY_PARAM_PRIV_KEY, secret);
    good = good && (list = OSSL_PARAM_BLD_to_param(values)) && EVP_PKEY_fromdata_init(making) == 1 &&
           EVP_PKEY_fromdata(making, &key, scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, list) == 1;
    OSSL_PARAM_free(list);
    OSSL_PARAM_BLD_free(values);
    BN_clear_free(secret);
    EVP_PKEY_CTX_free(making);
    return good ? key : NULL;
}

EVP_PKEY *sm2_public(const uint8_t point[SM2_POINT]) { return point[0] == 4 ? from_values(NULL, point) : NULL; }

EVP_PKEY *sm2_private(const uint8_t scalar[SM2_SCALAR], const uint8_t point[SM2_POINT]) {
    return point[0] == 4 ? from_values(scalar, point) : NULL;
}

EVP_PKEY *sm2_proved_private(const uint8_t scalar[SM2_SCALAR], const uint8_t point[SM2_POINT]) {
    EVP_PKEY *key = sm2_private(scalar, point);
    EVP_PKEY_CTX *test = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool good = test && EVP_PKEY_private_check(test) == 1 && EVP_PKEY_pairwise_check(test) == 1;
    EVP_PKEY_CTX_free(test);
    if (good) return key;
    EVP_PKEY_free(key);
    return NULL;
}

bool sm2_generate(uint8_t scalar[SM2_SCALAR], uint8_t point[SM2_POINT]) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    BIGNUM *secret = BN_secure_new();
    size_t size = 0;
    bool good = key && secret && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) == 1 &&
                BN_bn2binpad(secret, scalar, SM2_SCALAR) == SM2_SCALAR &&
                EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, SM2_POINT, &size) == 1 &&
                size == SM2_POINT && point[0] == 4;
    BN_clear_free(secret);
    EVP_PKEY_free(key);
    return good;
}

bool sm2_sign(EVP_PKEY *key, const uint8_t digest[32], ECCSIGNATUREBLOB *signature) {
    EVP_PKEY_CTX *run = EVP_PKEY_CTX_new(key, NULL);
    uint8_t der[80];
    const uint8_t *from = der;
    size_t size = sizeof der;
    ECDSA_SIG *made = NULL;
    bool good = run && EVP_PKEY_sign_init(run) == 1 && EVP_PKEY_sign(run, der, &size, digest, 32) == 1 &&
                (made = d2i_ECDSA_SIG(NULL, &from, (long)size)) &&
                BN_bn2binpad(ECDSA_SIG_get0_r(made), signature->r, FIELD) == FIELD &&
                BN_bn2binpad(ECDSA_SIG_get0_s(made), signature->s, FIELD) == FIELD;
    ECDSA_SIG_free(made);
    EVP_PKEY_CTX_free(run);
    return good;
}

bool sm2_verify(EVP_PKEY *key, const uint8_t digest[32], const ECCSIGNATUREBLOB *signature) {
    ECDSA_SIG *values = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature->r, FIELD, NULL), *s = BN_bin2bn(signature->s, FIELD, NULL);
    EVP_PKEY_CTX *run = EVP_PKEY_CTX_new(key, NULL);
    uint8_t *der = NULL;
    int size = -1;
    if (values && r && s && ECDSA_SIG_set0(values, r, s)) {
        r = s = NULL;
        size = i2d_ECDSA_SIG(values, &der);
    }
    bool good = size > 0 && run && EVP_PKEY_verify_init(run) == 1 &&
                EVP_PKEY_verify(run, der, (size_t)size, digest, 32) == 1;
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(values);
    EVP_PKEY_CTX_free(run);
    return good;
}

static bool fill_cipher(const uint8_t *der, size_t der_size, size_t size, ECCCIPHERBLOB *cipher) {
    SM2_CIPHER *made = d2i_SM2_CIPHER(NULL, &der, (long)der_size);
    bool good = made && made->hash->length == 32 && made->text->length >= 0 && (size_t)made->text->length == size &&
                BN_bn2binpad(made->x, cipher->XCoordinate, FIELD) == FIELD &&
                BN_bn2binpad(made->y, cipher->YCoordinate, FIELD) == FIELD;
    if (good) {
        memcpy(cipher->HASH, made->hash->data, 32);
        memcpy((uint8_t *)cipher + offsetof(ECCCIPHERBLOB, Cipher), made->text->data, size);
        cipher->CipherLen = (ULONG)size;
    }
    SM2_CIPHER_free(made);
    return good;
}

bool sm2_encrypt(EVP_PKEY *key, const uint8_t *text, size_t size, ECCCIPHERBLOB *cipher) {
    EVP_PKEY_CTX *run = EVP_PKEY_CTX_new(key, NULL);
    size_t room = 0, made;
    uint8_t *der = NULL;
    bool good = run && EVP_PKEY_encrypt_init(run) == 1 && EVP_PKEY_encrypt(run, NULL, &room, text, size) == 1 &&
                (der = OPENSSL_malloc(room));
    do { /* libcrypto does not notice a key stream of zeros (GB/T 32918.4 6.1 A5), likely for a text of one octet */
        made = room;
        good = good && EVP_PKEY_encrypt(run, der, &made, text, size) == 1 && fill_cipher(der, made, size, cipher);
    } while (good && memcmp((uint8_t *)cipher + offsetof(ECCCIPHERBLOB, Cipher), text, size) == 0);
    OPENSSL_free(der);
    EVP_PKEY_CTX_free(run);
    return good;
}

bool sm2_decrypt(EVP_PKEY *key, const ECCCIPHERBLOB *cipher, uint8_t *text, size_t *size) {
    SM2_CIPHER *given = SM2_CIPHER_new();
    EVP_PKEY_CTX *run = EVP_PKEY_CTX_new(key, NULL);
    uint8_t *der = NULL;
    int der_size = -1;
    bool good = given && run && cipher->CipherLen > 0 && cipher->CipherLen <= SM2_LONGEST_TEXT &&
                BN_bin2bn(cipher->XCoordinate, FIELD, given->x) && BN_bin2bn(cipher->YCoordinate, FIELD, given->y) &&
                ASN1_OCTET_STRING_set(given->hash, cipher->HASH, 32) &&
                ASN1_OCTET_STRING_set(given->text, (const uint8_t *)cipher + offsetof(ECCCIPHERBLOB, Cipher),
                                      (int)cipher->CipherLen) &&
                (der_size = i2d_SM2_CIPHER(given, &der)) > 0 && EVP_PKEY_decrypt_init(run) == 1 &&
                *size >= cipher->CipherLen && EVP_PKEY_decrypt(run, text, size, der, (size_t)der_size) == 1;
    OPENSSL_free(der);
    SM2_CIPHER_free(given);
    EVP_PKEY_CTX_free(run);
    return good;
}

bool sm2_begin_with_z(EVP_MD_CTX *run, const uint8_t point[SM2_POINT], const uint8_t *id, size_t id_size) {
    /* a, b, Gx, Gy of GB/T 32918.5 */
    static const uint8_t curve[] =
        "\xFF\xFF\xFF\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00"
        "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFC"
        "\x28\xE9\xFA\x9E\x9D\x9F\x5E\x34\x4D\x5A\x9E\x4B\xCF\x65\x09\xA7\xF3\x97\x89\xF5\x15\xAB\x8F\x92"
        "\xDD\xBC\xBD\x41\x4D\x94\x0E\x93"
        "\x32\xC4\xAE\x2C\x1F\x19\x81\x19\x5F\x99\x04\x46\x6A\x39\xC9\x94\x8F\xE3\x0B\xBF\xF2\x66\x0B\xE1"
        "\x71\x5A\x45\x89\x33\x4C\x74\xC7"
        "\xBC\x37\x36\xA2\xF4\xF6\x77\x9C\x59\xBD\xCE\xE3\x6B\x69\x21\x53\xD0\xA9\x87\x7C\xC6\x2A\x47\x40"
        "\x02\xDF\x32\xE5\x21\x39\xF0\xA0";
    const uint8_t bits[2] = {(uint8_t)(id_size >> 5), (uint8_t)(id_size << 3)};
    EVP_MD_CTX *inner = EVP_MD_CTX_new();
    uint8_t z[32];
    bool good = inner && id_size < 8192 && EVP_DigestInit_ex(inner, EVP_sm3(), NULL) == 1 &&
                EVP_DigestUpdate(inner, bits, 2) == 1 && EVP_DigestUpdate(inner, id, id_size) == 1 &&
                EVP_DigestUpdate(inner, curve, 128) == 1 && EVP_DigestUpdate(inner, point + 1, 64) == 1 &&
                EVP_DigestFinal_ex(inner, z, NULL) == 1 && EVP_DigestInit_ex(run, EVP_sm3(), NULL) == 1 &&
                EVP_DigestUpdate(run, z, 32) == 1;
    EVP_MD_CTX_free(inner);
    return good;
}

void point_to_blob(const uint8_t point[SM2_POINT], ECCPUBLICKEYBLOB *blob) {
    memset(blob, 0, sizeof *blob);
    blob->BitLen = 256;
    memcpy(blob->XCoordinate + HALF, point + 1, HALF);
    memcpy(blob->YCoordinate + HALF, point + 1 + HALF, HALF);
}

bool blob_to_point(const ECCPUBLICKEYBLOB *blob, uint8_t point[SM2_POINT]) {
    static const uint8_t zeros[HALF];
    if (blob->BitLen != 256 || memcmp(blob->XCoordinate, zeros, HALF) || memcmp(blob->YCoordinate, zeros, HALF))
        return false;
    point[0] = 4;
    memcpy(point + 1, blob->XCoordinate + HALF, HALF);
    memcpy(point + 1 + HALF, blob->YCoordinate + HALF, HALF);
    return true;
}
