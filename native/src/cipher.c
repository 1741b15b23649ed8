/* SM4 under session keys. Each handle has one encryption and one decryption under way. */
#include <string.h>

#include "session.h"

#define LARGEST_DATA (1u << 30)

static ULONG start(HANDLE handle, const BLOCKCIPHERPARAM *given, enum direction way) {
    struct session_key *key = handle_get(handle, SESSION_KEY);
    if (!key) return SAR_INVALIDHANDLEERR;
    const bool takes_iv = key->algorithm != SGD_SM4_ECB;
    const bool is_block = key->algorithm != SGD_SM4_CFB && key->algorithm != SGD_SM4_OFB;
    ULONG result = SAR_OK;
    if ((takes_iv && given->IVLen != SM4_BLOCK) || given->PaddingType > PADDING_PKCS5) result = SAR_INVALIDPARAMERR;
    else if (!is_block && given->FeedBitLen != 0 && given->FeedBitLen != 128) result = SAR_NOTSUPPORTYETERR;
    EVP_CIPHER_CTX *run = result == SAR_OK ? EVP_CIPHER_CTX_new() : NULL;
    const bool is_padded = is_block && given->PaddingType == PADDING_PKCS5;
    if (run && EVP_CipherInit_ex(run, session_cipher(key->algorithm), NULL, key->key, takes_iv ? given->IV : NULL,
                                 way == ENCRYPT) == 1 &&
        EVP_CIPHER_CTX_set_padding(run, is_padded) == 1) {
        pthread_mutex_lock(&key->object.lock);
        EVP_CIPHER_CTX_free(key->sides[way].run);
        key->sides[way].run = run;
        key->sides[way].is_block = is_block;
        key->sides[way].is_padded = is_padded;
        key->sides[way].held = 0;
        pthread_mutex_unlock(&key->object.lock);
    } else {
        EVP_CIPHER_CTX_free(run);
        if (result == SAR_OK) result = SAR_FAIL;
    }
    handle_put(key);
    return result;
}

/* What comes out when size octets go in; *held changes to what waits then. */
static size_t comes_out(const struct session_key *key, enum direction way, size_t size, size_t *held) {
    if (!key->sides[way].is_block) return size;
    const size_t total = *held + size;
    size_t out = total - total % SM4_BLOCK;
    /* The last block stays inside: only at the end is it known to be padding. */
    if (way == DECRYPT && key->sides[way].is_padded && out == total && out) out -= SM4_BLOCK;
    *held = total - out;
    return out;
}

/* What comes out at the end at most. */
static size_t last_part(const struct session_key *key, enum direction way, size_t held) {
    if (!key->sides[way].is_padded) return 0;
    return way == ENCRYPT ? SM4_BLOCK : held ? SM4_BLOCK : 0;
}

static ULONG feed(struct session_key *key, enum direction way, const BYTE *data, ULONG size, BYTE *out, ULONG *room) {
    size_t held = key->sides[way].held;
    const size_t needed = comes_out(key, way, size, &held);
    const ULONG had = *room;
    int made = 0;
    *room = (ULONG)needed;
    if (!out) return SAR_OK;
    if (had < needed) return SAR_BUFFER_TOO_SMALL;
    uint8_t none[SM4_BLOCK]; /* nothing comes out: out may have no room at all */
    if (EVP_CipherUpdate(key->sides[way].run, needed ? out : none, &made, data, (int)size) != 1) return SAR_FAIL;
    key->sides[way].held = held;
    *room = (ULONG)made;
    return SAR_OK;
}

static ULONG finish(struct session_key *key, enum direction way, BYTE *out, ULONG *room) {
    uint8_t last[2 * SM4_BLOCK];
    int made = 0;
    ULONG result = SAR_OK;
    const ULONG had = *room;
    if (key->sides[way].is_block && key->sides[way].held % SM4_BLOCK && !(way == ENCRYPT && key->sides[way].is_padded))
        result = SAR_INDATALENERR;
    else if (EVP_CipherFinal_ex(key->sides[way].run, last, &made) != 1)
        result = way == DECRYPT && key->sides[way].is_padded ? SAR_DECRYPTPADERR : SAR_FAIL;
    else if (had < (ULONG)made) result = SAR_BUFFER_TOO_SMALL;
    else if (made) memcpy(out, last, (size_t)made);
    *room = (ULONG)made;
    wipe(last, sizeof last);
    EVP_CIPHER_CTX_free(key->sides[way].run);
    key->sides[way].run = NULL;
    return result;
}

enum step { WHOLE, UPDATE, FINAL };

static ULONG step_of(HANDLE handle, enum direction way, enum step step, const BYTE *data, ULONG size, BYTE *out,
                     ULONG *room) {
    ULONG result, rest;
    if (!room || (step != FINAL && !data && size)) return SAR_INVALIDPARAMERR;
    if (size > LARGEST_DATA) return SAR_INDATALENERR;
    struct session_key *key = handle_get(handle, SESSION_KEY);
    if (!key) return SAR_INVALIDHANDLEERR;
    pthread_mutex_lock(&key->object.lock);
    size_t held = key->sides[way].held;
    const size_t most = step == FINAL ? last_part(key, way, held)
                                      : comes_out(key, way, size, &held) + (step == WHOLE ? last_part(key, way, held) : 0);
    if (!key->sides[way].run) {
        result = SAR_NOTINITIALIZEERR;
    } else if (step == UPDATE) {
        result = feed(key, way, data, size, out, room);
    } else if (!out && !(step == FINAL && most == 0)) {
        *room = (ULONG)most;
        result = SAR_OK;
    } else if (*room < most && !(way == DECRYPT && key->sides[way].is_padded && *room + SM4_BLOCK >= most)) {
        *room = (ULONG)most;
        result = SAR_BUFFER_TOO_SMALL;
    } else if (step == FINAL) {
        result = finish(key, way, out, room);
    } else { /* after a failure the whole must be begun anew */
        ULONG first = *room;
        result = feed(key, way, data, size, out, &first);
        rest = result == SAR_OK ? *room - first : 0;
        const ULONG ended = finish(key, way, out + (result == SAR_OK ? first : 0), &rest);
        if (result == SAR_OK) result = ended;
        *room = first + rest;
    }
    pthread_mutex_unlock(&key->object.lock);
    handle_put(key);
    return result;
}

ULONG SKF_EncryptInit(HANDLE hKey, BLOCKCIPHERPARAM EncryptParam) { return start(hKey, &EncryptParam, ENCRYPT); }

ULONG SKF_Encrypt(HANDLE hKey, BYTE *pbData, ULONG ulDataLen, BYTE *pbEncryptedData, ULONG *pulEncryptedLen) {
    return step_of(hKey, ENCRYPT, WHOLE, pbData, ulDataLen, pbEncryptedData, pulEncryptedLen);
}

ULONG SKF_EncryptUpdate(HANDLE hKey, BYTE *pbData, ULONG ulDataLen, BYTE *pbEncryptedData, ULONG *pulEncryptedLen) {
    return step_of(hKey, ENCRYPT, UPDATE, pbData, ulDataLen, pbEncryptedData, pulEncryptedLen);
}

ULONG SKF_EncryptFinal(HANDLE hKey, BYTE *pbEncryptedData, ULONG *pulEncryptedDataLen) {
    return step_of(hKey, ENCRYPT, FINAL, NULL, 0, pbEncryptedData, pulEncryptedDataLen);
}

ULONG SKF_DecryptInit(HANDLE hKey, BLOCKCIPHERPARAM DecryptParam) { return start(hKey, &DecryptParam, DECRYPT); }

ULONG SKF_Decrypt(HANDLE hKey, BYTE *pbEncryptedData, ULONG ulEncryptedLen, BYTE *pbData, ULONG *pulDataLen) {
    return step_of(hKey, DECRYPT, WHOLE, pbEncryptedData, ulEncryptedLen, pbData, pulDataLen);
}

ULONG SKF_DecryptUpdate(HANDLE hKey, BYTE *pbEncryptedData, ULONG ulEncryptedLen, BYTE *pbData, ULONG *pulDataLen) {
    return step_of(hKey, DECRYPT, UPDATE, pbEncryptedData, ulEncryptedLen, pbData, pulDataLen);
}

ULONG SKF_DecryptFinal(HANDLE hKey, BYTE *pbDecryptedData, ULONG *pulDecryptedDataLen) {
    return step_of(hKey, DECRYPT, FINAL, NULL, 0, pbDecryptedData, pulDecryptedDataLen);
}
