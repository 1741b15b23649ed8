/* Engine "openssl": batch loops around the system's libcrypto (3.0 or later). All arithmetic is libcrypto's. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#include "sm2_values.h"

#define LONGEST_TEXT ((size_t)1 << 30)

int openssl_sm4_start(void);

/* Fetched once, when the module is loaded and Python's lock is held; only read afterwards. */
static EVP_MD *sm3;
static EVP_MAC *hmac;
static EC_GROUP *curve;

int bgm_start(void) {
    if (curve != NULL) return 1;
    sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    curve = EC_GROUP_new_by_curve_name(NID_sm2);
    int whole = sm3 && hmac && curve && openssl_sm4_start();
    ERR_clear_error();
    return whole ? 1 : 0;
}

const char *bgm_version(void) { return OpenSSL_version(OPENSSL_VERSION); }

/* ---- SM3 ---- */

static int digest_update(EVP_MD_CTX *context, const uint8_t *data, size_t length) {
    return length == 0 || EVP_DigestUpdate(context, data, length) == 1;
}

int bgm_sm3_many(const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *digests) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context != NULL;
    for (size_t i = 0; good && i < count; data += lengths[i], i++)
        good = EVP_DigestInit_ex2(context, i == 0 ? sm3 : NULL, NULL) == 1 && digest_update(context, data, lengths[i]) &&
               EVP_DigestFinal_ex(context, digests + i * DIGEST, NULL) == 1;
    EVP_MD_CTX_free(context);
    return good ? 0 : BGM_LIBRARY;
}

int bgm_hmac_sm3_many(const uint8_t *key, size_t key_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                      uint8_t *macs) {
    static const uint8_t nothing[1];
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SM3", 0), OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *keyed = EVP_MAC_CTX_new(hmac);
    int good = keyed != NULL && EVP_MAC_init(keyed, key_length ? key : nothing, key_length, parameters) == 1;
    for (size_t i = 0; good && i < count; data += lengths[i], i++) {
        size_t size = 0;
        EVP_MAC_CTX *context = EVP_MAC_CTX_dup(keyed);
        good = context != NULL && (lengths[i] == 0 || EVP_MAC_update(context, data, lengths[i]) == 1) &&
               EVP_MAC_final(context, macs + i * DIGEST, &size, DIGEST) == 1 && size == DIGEST;
        EVP_MAC_CTX_free(context);
    }
    EVP_MAC_CTX_free(keyed);
    return good ? 0 : BGM_LIBRARY;
}

int bgm_pbkdf2(int with_sha256, const uint8_t *password, size_t password_length, const uint8_t *salt,
               size_t salt_length, int iterations, uint8_t *key, size_t key_length) {
    const EVP_MD *md = with_sha256 ? EVP_sha256() : sm3;
    int good = PKCS5_PBKDF2_HMAC((const char *)password, (int)password_length, salt, (int)salt_length, iterations, md,
                                 (int)key_length, key);
    return good == 1 ? 0 : BGM_LIBRARY;
}

int bgm_sm2_digest_many(const uint8_t *id, size_t id_length, const uint8_t *public_keys, const uint8_t *data,
                        const uint64_t *lengths, size_t count, uint8_t *digests) {
    uint8_t z[DIGEST];
    if (id_length > LONGEST_ID) return BGM_LENGTH;
    size_t prefix_length = 2 + id_length + sizeof bgm_curve;
    uint8_t *prefix = malloc(prefix_length);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = prefix != NULL && context != NULL && EVP_DigestInit_ex2(context, sm3, NULL) == 1;
    if (good) bgm_z_prefix(id, id_length, prefix);
    for (size_t i = 0; good && i < count; data += lengths[i], i++) {
        const uint8_t *point = public_keys + i * POINT;
        good = EVP_DigestInit_ex2(context, NULL, NULL) == 1 && digest_update(context, prefix, prefix_length) &&
               digest_update(context, point + 1, POINT - 1) && EVP_DigestFinal_ex(context, z, NULL) == 1 &&
               EVP_DigestInit_ex2(context, NULL, NULL) == 1 && digest_update(context, z, DIGEST) &&
               digest_update(context, data, lengths[i]) &&
               EVP_DigestFinal_ex(context, digests + i * DIGEST, NULL) == 1;
    }
    EVP_MD_CTX_free(context);
    free(prefix);
    return good ? 0 : BGM_LIBRARY;
}

/* ---- SM2: keys ---- */

static void to_native_order(const uint8_t *value, uint8_t *native) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (int i = 0; i < KEY; i++) native[i] = value[KEY - 1 - i];
#else
    memcpy(native, value, KEY);
#endif
}

/* A key in OpenSSL's hands, of either half or both; NULL when OpenSSL refuses it. */
static EVP_PKEY *make_key(EVP_PKEY_CTX *factory, const uint8_t *private_key, const uint8_t *public_key) {
    uint8_t native[KEY];
    OSSL_PARAM parameters[4];
    size_t used = 0;
    parameters[used++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
    if (private_key != NULL) {
        to_native_order(private_key, native);
        parameters[used++] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, KEY);
    }
    if (public_key != NULL)
        parameters[used++] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)public_key, POINT);
    parameters[used] = OSSL_PARAM_construct_end();
    EVP_PKEY *key = NULL;
    int selection = private_key != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    if (EVP_PKEY_fromdata(factory, &key, selection, parameters) != 1) key = NULL;
    bgm_wipe(native, sizeof native);
    return key;
}

static EVP_PKEY_CTX *key_factory(void) {
    EVP_PKEY_CTX *factory = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
    if (factory != NULL && EVP_PKEY_fromdata_init(factory) == 1) return factory;
    EVP_PKEY_CTX_free(factory);
    return NULL;
}

/* A batch often holds runs of one key (a CA signs thousands of times): each run prepares its key once. */
struct runner {
    EVP_PKEY_CTX *factory, *operation;
    EVP_PKEY *key;
    const uint8_t *private_key, *public_key;
    int (*begin)(EVP_PKEY_CTX *);
};

static int runner_open(struct runner *run, int (*begin)(EVP_PKEY_CTX *)) {
    memset(run, 0, sizeof *run);
    run->begin = begin;
    run->factory = key_factory();
    return run->factory != NULL;
}

static void runner_drop(struct runner *run) {
    EVP_PKEY_CTX_free(run->operation);
    EVP_PKEY_free(run->key);
    run->operation = NULL;
    run->key = NULL;
}

static void runner_close(struct runner *run) {
    runner_drop(run);
    EVP_PKEY_CTX_free(run->factory);
    ERR_clear_error();
}

static int runner_take(struct runner *run, const uint8_t *private_key, const uint8_t *public_key) {
    int same = run->operation != NULL &&
               (private_key == NULL || CRYPTO_memcmp(private_key, run->private_key, KEY) == 0) &&
               (public_key == NULL || memcmp(public_key, run->public_key, POINT) == 0);
    if (same) return 1;
    runner_drop(run);
    run->private_key = private_key;
    run->public_key = public_key;
    run->key = make_key(run->factory, private_key, public_key);
    if (run->key == NULL) return 0;
    run->operation = EVP_PKEY_CTX_new_from_pkey(NULL, run->key, NULL);
    if (run->operation != NULL && run->begin(run->operation) == 1) return 1;
    runner_drop(run);
    return 0;
}

int bgm_sm2_public_many(const uint8_t *private_keys, size_t count, uint8_t *public_keys, size_t *failed) {
    int code = 0;
    BN_CTX *numbers = BN_CTX_secure_new();
    EC_POINT *point = EC_POINT_new(curve);
    BIGNUM *scalar = BN_secure_new();
    if (numbers == NULL || point == NULL || scalar == NULL) code = BGM_MEMORY;
    if (scalar != NULL) BN_set_flags(scalar, BN_FLG_CONSTTIME);
    for (size_t i = 0; code == 0 && i < count; i++) {
        *failed = i;
        if (!bgm_in_range(private_keys + i * KEY, bgm_n_minus_1))
            code = BGM_PRIVATE_KEY;
        else if (BN_bin2bn(private_keys + i * KEY, KEY, scalar) == NULL ||
                 EC_POINT_mul(curve, point, scalar, NULL, NULL, numbers) != 1 ||
                 EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, public_keys + i * POINT, POINT,
                                    numbers) != POINT)
            code = BGM_LIBRARY;
    }
    BN_clear_free(scalar);
    EC_POINT_free(point);
    BN_CTX_free(numbers);
    ERR_clear_error();
    return code;
}

int bgm_sm2_keypairs(size_t count, uint8_t *private_keys, uint8_t *public_keys) {
    size_t failed;
    int code = bgm_draw(private_keys, count, bgm_n_minus_1);
    return code != 0 ? code : bgm_sm2_public_many(private_keys, count, public_keys, &failed);
}

int bgm_sm2_check_point_many(const uint8_t *public_keys, size_t count, uint8_t *valid) {
    BN_CTX *numbers = BN_CTX_new();
    EC_POINT *point = EC_POINT_new(curve);
    int code = numbers == NULL || point == NULL ? BGM_MEMORY : 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        const uint8_t *octets = public_keys + i * POINT;
        valid[i] = octets[0] == 0x04 && EC_POINT_oct2point(curve, point, octets, POINT, numbers) == 1;
    }
    EC_POINT_free(point);
    BN_CTX_free(numbers);
    ERR_clear_error();
    return code;
}

/* ---- SM2: signatures ---- */

int bgm_sm2_sign_digest_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *digests,
                             size_t count, const uint8_t *scalars, uint8_t *signatures, size_t *failed) {
    struct runner run;
    int code = 0;
    if (scalars != NULL) return BGM_NOT_OFFERED; /* libcrypto draws its own and takes none */
    if (!runner_open(&run, EVP_PKEY_sign_init)) return BGM_LIBRARY;
    for (size_t i = 0; code == 0 && i < count; i++) {
        uint8_t der[DER_SLOT];
        size_t size = sizeof der;
        *failed = i;
        if (!bgm_in_range(private_keys + i * KEY, bgm_n_minus_1))
            code = BGM_PRIVATE_KEY;
        else if (!runner_take(&run, private_keys + i * KEY, public_keys + i * POINT))
            code = BGM_POINT;
        else if (EVP_PKEY_sign(run.operation, der, &size, digests + i * DIGEST, DIGEST) != 1 ||
                 !bgm_signature_from_der(der, size, signatures + i * SIGNATURE))
            code = BGM_LIBRARY;
    }
    runner_close(&run);
    return code;
}

int bgm_sm2_sign_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *id, size_t id_length,
                      const uint8_t *data, const uint64_t *lengths, size_t count, const uint8_t *scalars,
                      uint8_t *signatures, size_t *failed) {
    uint8_t *digests = malloc(count * DIGEST + 1);
    if (digests == NULL) return BGM_MEMORY;
    int code = bgm_sm2_digest_many(id, id_length, public_keys, data, lengths, count, digests);
    if (code == 0)
        code = bgm_sm2_sign_digest_many(private_keys, public_keys, digests, count, scalars, signatures, failed);
    free(digests);
    return code;
}

int bgm_sm2_verify_many(const uint8_t *public_keys, const uint8_t *id, size_t id_length, const uint8_t *data,
                        const uint64_t *lengths, const uint8_t *signatures, size_t count, uint8_t *valid) {
    struct runner run;
    uint8_t *digests = malloc(count * DIGEST + 1);
    if (digests == NULL) return BGM_MEMORY;
    int code = bgm_sm2_digest_many(id, id_length, public_keys, data, lengths, count, digests);
    if (code == 0 && !runner_open(&run, EVP_PKEY_verify_init)) code = BGM_LIBRARY;
    if (code != 0) {
        free(digests);
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t der[DER_SLOT];
        const uint8_t *point = public_keys + i * POINT;
        size_t size = bgm_signature_to_der(signatures + i * SIGNATURE, der);
        valid[i] = point[0] == 0x04 && runner_take(&run, NULL, point) &&
                   EVP_PKEY_verify(run.operation, der, size, digests + i * DIGEST, DIGEST) == 1;
    }
    runner_close(&run);
    free(digests);
    return 0;
}

/* ---- SM2: encryption. libcrypto speaks DER (GM/T 0009 SM2Cipher), the interface C1|C3|C2. ---- */

/* The header of one DER element of type `tag`: its content's length, or -1; *der moves to the content. */
static ptrdiff_t der_enter(const uint8_t **der, const uint8_t *end, uint8_t tag) {
    const uint8_t *at = *der;
    if (end - at < 2 || at[0] != tag) return -1;
    size_t length = at[1];
    at += 2;
    if (length & 0x80) {
        size_t octets = length & 0x7f;
        if (octets == 0 || octets > 4 || (size_t)(end - at) < octets) return -1;
        for (length = 0; octets > 0; octets--) length = length << 8 | *at++;
    }
    if (length > (size_t)(end - at)) return -1;
    *der = at;
    return (ptrdiff_t)length;
}

static int der_integer(const uint8_t **der, const uint8_t *end, uint8_t *value) {
    ptrdiff_t length = der_enter(der, end, 0x02);
    if (length < 1) return 0;
    const uint8_t *content = *der;
    *der += length;
    if (length == KEY + 1 && content[0] == 0) content++, length--;
    if (length > KEY) return 0;
    memset(value, 0, KEY);
    memcpy(value + KEY - length, content, (size_t)length);
    return 1;
}

static int ciphertext_from_der(const uint8_t *der, size_t size, uint8_t *ciphertext, size_t plain_length) {
    const uint8_t *end = der + size;
    if (der_enter(&der, end, 0x30) < 0) return 0;
    ciphertext[0] = 0x04;
    if (!der_integer(&der, end, ciphertext + 1) || !der_integer(&der, end, ciphertext + 1 + KEY)) return 0;
    if (der_enter(&der, end, 0x04) != DIGEST) return 0;
    memcpy(ciphertext + POINT, der, DIGEST);
    der += DIGEST;
    if (der_enter(&der, end, 0x04) != (ptrdiff_t)plain_length) return 0;
    memcpy(ciphertext + OVERHEAD, der, plain_length);
    return 1;
}

static size_t der_header(uint8_t *der, uint8_t tag, size_t length) {
    size_t octets = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
    der[0] = tag;
    der[1] = (uint8_t)(octets ? 0x80 | octets : length);
    for (size_t i = 0; i < octets; i++) der[2 + i] = (uint8_t)(length >> 8 * (octets - 1 - i));
    return 2 + octets;
}

static size_t ciphertext_to_der(const uint8_t *ciphertext, size_t length, uint8_t *der) {
    uint8_t numbers[DER_SLOT], hash_header[6], text_header[6], outer[6];
    size_t plain_length = length - OVERHEAD;
    size_t numbers_size = bgm_signature_to_der(ciphertext + 1, numbers) - 2; /* two INTEGERs after the header */
    size_t hash_size = der_header(hash_header, 0x04, DIGEST);
    size_t text_size = der_header(text_header, 0x04, plain_length);
    size_t content = numbers_size + hash_size + DIGEST + text_size + plain_length;
    size_t outer_size = der_header(outer, 0x30, content);
    uint8_t *at = der;
    memcpy(at, outer, outer_size), at += outer_size;
    memcpy(at, numbers + 2, numbers_size), at += numbers_size;
    memcpy(at, hash_header, hash_size), at += hash_size;
    memcpy(at, ciphertext + POINT, DIGEST), at += DIGEST;
    memcpy(at, text_header, text_size), at += text_size;
    memcpy(at, ciphertext + OVERHEAD, plain_length), at += plain_length;
    return (size_t)(at - der);
}

static int encrypt_one(EVP_PKEY_CTX *operation, const uint8_t *data, size_t length, uint8_t *ciphertext) {
    size_t size = length + OVERHEAD + 64;
    uint8_t *der = malloc(size);
    if (der == NULL) return BGM_MEMORY;
    int code = 0;
    do { /* a key stream of zeros would leave the text as it is: the standard asks for a new scalar */
        size_t used = size;
        if (EVP_PKEY_encrypt(operation, der, &used, data, length) != 1 ||
            !ciphertext_from_der(der, used, ciphertext, length))
            code = BGM_LIBRARY;
    } while (code == 0 && CRYPTO_memcmp(ciphertext + OVERHEAD, data, length) == 0);
    free(der);
    return code;
}

int bgm_sm2_encrypt_many(const uint8_t *public_keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                         const uint8_t *scalars, uint8_t *ciphertexts, size_t *failed) {
    struct runner run;
    int code = 0;
    if (scalars != NULL) return BGM_NOT_OFFERED;
    if (!runner_open(&run, EVP_PKEY_encrypt_init)) return BGM_LIBRARY;
    for (size_t i = 0; code == 0 && i < count; i++) {
        const uint8_t *point = public_keys + i * POINT;
        *failed = i;
        if (lengths[i] == 0 || lengths[i] > LONGEST_TEXT)
            code = BGM_LENGTH;
        else if (point[0] != 0x04 || !runner_take(&run, NULL, point))
            code = BGM_POINT;
        else
            code = encrypt_one(run.operation, data, lengths[i], ciphertexts);
        data += lengths[i];
        ciphertexts += lengths[i] + OVERHEAD;
    }
    runner_close(&run);
    return code;
}

int bgm_sm2_decrypt(const uint8_t *private_key, const uint8_t *ciphertext, size_t length, uint8_t *plaintext) {
    struct runner run;
    if (length <= OVERHEAD || length > LONGEST_TEXT || ciphertext[0] != 0x04) return BGM_CIPHERTEXT;
    if (!bgm_in_range(private_key, bgm_n_minus_1)) return BGM_PRIVATE_KEY;
    uint8_t *der = malloc(length + 64);
    /* libcrypto asks for a buffer by its own upper bound of the text, which is a little above the text. */
    uint8_t *text = malloc(length + 64);
    int code = der == NULL || text == NULL ? BGM_MEMORY : 0;
    if (code == 0 && !runner_open(&run, EVP_PKEY_decrypt_init)) code = BGM_LIBRARY;
    if (code == 0) {
        size_t size = ciphertext_to_der(ciphertext, length, der);
        size_t used = length + 64;
        if (!runner_take(&run, private_key, NULL))
            code = BGM_PRIVATE_KEY;
        else if (EVP_PKEY_decrypt(run.operation, text, &used, der, size) != 1 || used != length - OVERHEAD)
            code = BGM_CIPHERTEXT;
        else
            memcpy(plaintext, text, used);
        runner_close(&run);
    }
    bgm_wipe(text, text == NULL ? 0 : length + 64);
    free(text);
    free(der);
    return code;
}
