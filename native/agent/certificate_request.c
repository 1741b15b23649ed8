#include "certificate_request.h"

#include <openssl/err.h>

/* SM2 with SM3, without parameters (GM/T 0092) */
static bool put_algorithm(X509_REQ *made) {
    X509_ALGOR *algorithm = must_have(X509_ALGOR_new());
    const bool good = X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_SM2_with_SM3), V_ASN1_UNDEF, NULL) &&
                      X509_REQ_set1_signature_algo(made, algorithm);
    X509_ALGOR_free(algorithm);
    return good;
}

static bool put_contents(X509_REQ *made, const struct bytes *subject, const uint8_t point[POINT]) {
    const uint8_t *at = subject->data;
    struct bytes spki = spki_of_point(point);
    EVP_PKEY *key = key_of_spki(spki.data, spki.size);
    X509_NAME *name = subject->size ? d2i_X509_NAME(NULL, &at, (long)subject->size) : NULL;
    const bool good = key && name && at == subject->data + subject->size && X509_NAME_entry_count(name) > 0 &&
                      X509_REQ_set_version(made, X509_REQ_VERSION_1) && X509_REQ_set_subject_name(made, name) &&
                      X509_REQ_set_pubkey(made, key);
    X509_NAME_free(name);
    EVP_PKEY_free(key);
    bytes_free(&spki);
    return good;
}

static bool put_signature(X509_REQ *made, struct bytes *signature) {
    ASN1_BIT_STRING *bits = must_have(ASN1_BIT_STRING_new());
    if (!ASN1_BIT_STRING_set(bits, signature->data, (int)signature->size)) {
        ASN1_BIT_STRING_free(bits);
        return false;
    }
    bits->flags = (bits->flags & ~0x0f) | ASN1_STRING_FLAG_BITS_LEFT; /* whole octets, whatever the last one is */
    X509_REQ_set0_signature(made, bits);
    return true;
}

bool certificate_request(const struct bytes *subject, const uint8_t point[POINT],
                         bool (*sign)(void *with, const void *message, size_t size, struct bytes *signature), void *with,
                         struct bytes *request) {
    X509_REQ *made = must_have(X509_REQ_new());
    struct bytes signature = {NULL, 0};
    uint8_t *signed_part = NULL, *der = NULL;
    bool good = put_contents(made, subject, point) && put_algorithm(made);
    const int size = good ? i2d_re_X509_REQ_tbs(made, &signed_part) : 0;
    good = size > 0 && sign(with, signed_part, (size_t)size, &signature) && put_signature(made, &signature);
    const int whole = good ? i2d_X509_REQ(made, &der) : 0;
    if (whole > 0) *request = bytes_copy(der, (size_t)whole);
    ERR_clear_error();
    OPENSSL_free(signed_part);
    OPENSSL_free(der);
    bytes_free(&signature);
    X509_REQ_free(made);
    return whole > 0;
}
