/* SM4 of engine "openssl". */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "sm2_values.h"

#define LONGEST_UPDATE ((size_t)1 << 30)

static EVP_CIPHER *sm4_ecb, *sm4_cbc, *sm4_ctr;

int openssl_sm4_start(void) {
    sm4_ecb = EVP_CIPHER_fetch(NULL, "SM4-ECB", NULL);
    sm4_cbc = EVP_CIPHER_fetch(NULL, "SM4-CBC", NULL);
    sm4_ctr = EVP_CIPHER_fetch(NULL, "SM4-CTR", NULL);
    return sm4_ecb && sm4_cbc && sm4_ctr;
}

static int cipher_update(EVP_CIPHER_CTX *context, const uint8_t *data, size_t length, uint8_t *result) {
    while (length > 0) {
        size_t part = length < LONGEST_UPDATE ? length : LONGEST_UPDATE;
        int written = 0;
        if (EVP_CipherUpdate(context, result, &written, data, (int)part) != 1 || (size_t)written != part) return 0;
        data += part, result += part, length -= part;
    }
    return 1;
}

static int sm4_many(const EVP_CIPHER *cipher, int encrypt, const uint8_t *keys, const uint8_t *ivs,
                    const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *result) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int good = context != NULL && EVP_CipherInit_ex2(context, cipher, NULL, NULL, encrypt, NULL) == 1 &&
               EVP_CIPHER_CTX_set_padding(context, 0) == 1;
    for (size_t i = 0; good && i < count; data += lengths[i], result += lengths[i], i++)
        good = EVP_CipherInit_ex2(context, NULL, keys + i * 16, ivs ? ivs + i * 16 : NULL, encrypt, NULL) == 1 &&
               cipher_update(context, data, lengths[i], result);
    EVP_CIPHER_CTX_free(context);
    ERR_clear_error();
    return good ? 0 : BGM_LIBRARY;
}

int bgm_sm4_ecb(int encrypt, const uint8_t *key, const uint8_t *data, size_t length, uint8_t *result) {
    uint64_t lengths[1] = {length};
    return bgm_sm4_ecb_many(encrypt, key, data, lengths, 1, result);
}

int bgm_sm4_ecb_many(int encrypt, const uint8_t *keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                     uint8_t *result) {
    for (size_t i = 0; i < count; i++)
        if (lengths[i] % 16) return BGM_LENGTH;
    return sm4_many(sm4_ecb, encrypt, keys, NULL, data, lengths, count, result);
}

int bgm_sm4_cbc(int encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *data, size_t length,
                uint8_t *result) {
    uint64_t lengths[1] = {length};
    if (length % 16) return BGM_LENGTH;
    return sm4_many(sm4_cbc, encrypt, key, iv, data, lengths, 1, result);
}

int bgm_sm4_ctr_many(const uint8_t *keys, const uint8_t *counters, const uint8_t *data, const uint64_t *lengths,
                     size_t count, uint8_t *result) {
    return sm4_many(sm4_ctr, 1, keys, counters, data, lengths, count, result);
}
