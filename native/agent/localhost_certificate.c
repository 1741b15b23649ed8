#include "localhost_certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define DAYS 3650
#define DAY (24 * 3600) /* more than a time zone: clocks go wrong by one where two systems share a machine */
#define MONTH (30 * DAY)

struct extension {
    int nid;
    const char *value;
};

static const struct extension ISSUER[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign"},
    /* Whoever trusts this issuer trusts it for this machine's own names alone. */
    {NID_name_constraints, "critical,permitted;DNS:localhost,permitted;IP:127.0.0.1/255.255.255.255,"
                           "permitted;IP:0:0:0:0:0:0:0:1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF"},
    {NID_subject_key_identifier, "hash"},
};
static const struct extension OWN[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static bool set_serial(X509 *certificate, char name[48]) {
    uint8_t number[16];
    if (RAND_bytes(number, sizeof number) != 1) return false;
    number[0] = (number[0] & 0x7f) | 0x40; /* positive, and always of this length */
    BIGNUM *value = BN_bin2bn(number, sizeof number, NULL);
    const bool good = value && BN_to_ASN1_INTEGER(value, X509_get_serialNumber(certificate));
    BN_free(value);
    /* A name of its own, so that two installations' issuers are told apart in a list of trusted roots. */
    snprintf(name, 48, "Banyan agent on this machine %02x%02x%02x%02x", number[1], number[2], number[3], number[4]);
    return good;
}

static bool extend(X509 *certificate, X509 *issuer, const struct extension *list, size_t count) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, &context, list[i].nid, list[i].value);
        const bool good = made && X509_add_ext(certificate, made, -1);
        X509_EXTENSION_free(made);
        if (!good) return false;
    }
    return true;
}

static bool name_it(X509_NAME *name, const char *text) {
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0);
}

/* Issued by itself when `issuer` is NULL. */
static X509 *certificate(EVP_PKEY *key, const char *subject, X509 *issuer, EVP_PKEY *issuing,
                         const struct extension *list, size_t count) {
    char own_name[48];
    X509 *made = X509_new();
    const bool good = made && X509_set_version(made, X509_VERSION_3) && set_serial(made, own_name) &&
                      X509_gmtime_adj(X509_getm_notBefore(made), -DAY) &&
                      X509_time_adj_ex(X509_getm_notAfter(made), DAYS, 0, NULL) && X509_set_pubkey(made, key) &&
                      name_it(X509_get_subject_name(made), subject ? subject : own_name) &&
                      X509_set_issuer_name(made, X509_get_subject_name(issuer ? issuer : made)) &&
                      extend(made, issuer ? issuer : made, list, count) && X509_sign(made, issuing, EVP_sha256());
    if (good) return made;
    X509_free(made);
    return NULL;
}

bool localhost_certificate(BIO *own, BIO *issuer) {
    EVP_PKEY *issuing = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *root = NULL, *leaf = NULL;
    if (issuing && key) root = certificate(issuing, NULL, NULL, issuing, ISSUER, COUNT(ISSUER));
    if (root) leaf = certificate(key, "localhost", root, issuing, OWN, COUNT(OWN));
    const bool good = leaf && PEM_write_bio_PrivateKey(own, key, NULL, NULL, 0, NULL, NULL) &&
                      PEM_write_bio_X509(own, leaf) && PEM_write_bio_X509(issuer, root);
    EVP_PKEY_free(issuing); /* libcrypto wipes the private value; nothing can be issued under this root again */
    EVP_PKEY_free(key);
    X509_free(root);
    X509_free(leaf);
    return good;
}

bool localhost_certificate_serves(const char *path) {
    time_t soon = time(NULL) + MONTH;
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *key = file ? PEM_read_bio_PrivateKey(file, NULL, NULL, NULL) : NULL;
    X509 *certificate = key ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    const bool serves = certificate && X509_check_private_key(certificate, key) == 1 &&
                        X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
                        X509_cmp_time(X509_get0_notAfter(certificate), &soon) > 0;
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(file);
    return serves;
}

static X509 *certificate_in(const char *path) {
    BIO *file = BIO_new_file(path, "r");
    X509 *found = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL; /* passes over the key before it */
    BIO_free(file);
    return found;
}

bool localhost_certificate_is_under(const char *path, const char *root) {
    X509 *own = certificate_in(path), *issuer = certificate_in(root);
    const bool is_under = own && issuer && X509_check_issued(issuer, own) == X509_V_OK &&
                          X509_verify(own, X509_get0_pubkey(issuer)) == 1;
    X509_free(own);
    X509_free(issuer);
    return is_under;
}
