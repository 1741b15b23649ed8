/* SM4-MAC: the last block of SM4-CBC. */
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define PIECE 1024

struct mac {
    struct object object; /* parent: device; it has a copy of the key's schedule */
    EVP_CIPHER_CTX *run;  /* NULL: finished */
    bool is_padded;
    size_t fed;
    uint8_t last[SM4_BLOCK];
};

static void destroy_mac(struct object *object) {
    struct mac *mac = (struct mac *)object;
    EVP_CIPHER_CTX_free(mac->run);
    wipe(mac->last, sizeof mac->last);
    free(mac);
}

ULONG SKF_MacInit(HANDLE hKey, BLOCKCIPHERPARAM *pMacParam, HANDLE *phMac) {
    if (!pMacParam || !phMac || pMacParam->PaddingType > PADDING_PKCS5 ||
        (pMacParam->IVLen != 0 && pMacParam->IVLen != SM4_BLOCK))
        return SAR_INVALIDPARAMERR;
    struct session_key *key = handle_get(hKey, SESSION_KEY);
    if (!key) return SAR_INVALIDHANDLEERR;
    const uint8_t zeros[SM4_BLOCK] = {0};
    struct mac *made = calloc(1, sizeof *made);
    ULONG result = SAR_MEMORYERR;
    if (made && (made->run = EVP_CIPHER_CTX_new())) {
        made->object.kind = MAC;
        made->object.destroy = destroy_mac;
        made->is_padded = pMacParam->PaddingType == PADDING_PKCS5;
        result = EVP_EncryptInit_ex(made->run, EVP_sm4_cbc(), NULL, key->key, pMacParam->IVLen ? pMacParam->IV : zeros) ==
                             1 &&
                         EVP_CIPHER_CTX_set_padding(made->run, made->is_padded) == 1
                     ? SAR_OK
                     : SAR_FAIL;
    }
    if (result == SAR_OK) {
        result = handle_new(&made->object, key->object.parent, phMac);
    } else if (made) {
        EVP_CIPHER_CTX_free(made->run);
        free(made);
    }
    handle_put(key);
    return result;
}

static bool feed(struct mac *mac, const BYTE *data, size_t size) {
    uint8_t out[PIECE + SM4_BLOCK];
    int made = 0;
    for (; size; data += size < PIECE ? size : PIECE, size -= size < PIECE ? size : PIECE) {
        const size_t piece = size < PIECE ? size : PIECE;
        if (EVP_EncryptUpdate(mac->run, out, &made, data, (int)piece) != 1) return false;
        if (made) memcpy(mac->last, out + made - SM4_BLOCK, SM4_BLOCK);
        mac->fed += piece;
    }
    return true;
}

static ULONG finish(struct mac *mac, BYTE *out, ULONG *room) {
    uint8_t last[2 * SM4_BLOCK];
    int made = 0;
    ULONG result;
    if (!mac->is_padded && (mac->fed == 0 || mac->fed % SM4_BLOCK)) {
        result = SAR_INDATALENERR;
    } else if (EVP_EncryptFinal_ex(mac->run, last, &made) != 1) {
        result = SAR_FAIL;
    } else {
        if (made) memcpy(mac->last, last, SM4_BLOCK);
        result = give(mac->last, SM4_BLOCK, out, room);
    }
    EVP_CIPHER_CTX_free(mac->run);
    mac->run = NULL;
    return result;
}

static ULONG step_of(HANDLE handle, bool feeds, const BYTE *data, ULONG size, bool ends, BYTE *out, ULONG *room) {
    if ((feeds && !data && size) || (ends && !room)) return SAR_INVALIDPARAMERR;
    struct mac *mac = handle_get(handle, MAC);
    if (!mac) return SAR_INVALIDHANDLEERR;
    pthread_mutex_lock(&mac->object.lock);
    ULONG result = SAR_OK;
    if (!mac->run) result = SAR_NOTINITIALIZEERR;
    else if (ends && (!out || *room < SM4_BLOCK)) {
        result = out ? SAR_BUFFER_TOO_SMALL : SAR_OK;
        *room = SM4_BLOCK;
        ends = feeds = false;
    }
    if (result == SAR_OK && feeds && !feed(mac, data, size)) result = SAR_FAIL;
    if (result == SAR_OK && ends) result = finish(mac, out, room);
    pthread_mutex_unlock(&mac->object.lock);
    handle_put(mac);
    return result;
}

ULONG SKF_Mac(HANDLE hMac, BYTE *pbData, ULONG ulDataLen, BYTE *pbMacData, ULONG *pulMacLen) {
    return step_of(hMac, true, pbData, ulDataLen, true, pbMacData, pulMacLen);
}

ULONG SKF_MacUpdate(HANDLE hMac, BYTE *pbData, ULONG ulDataLen) {
    return step_of(hMac, true, pbData, ulDataLen, false, NULL, NULL);
}

ULONG SKF_MacFinal(HANDLE hMac, BYTE *pbMacData, ULONG *pulMacDataLen) {
    return step_of(hMac, false, NULL, 0, true, pbMacData, pulMacDataLen);
}

ULONG SKF_CloseHandle(HANDLE hHandle) {
    const enum kind kind = handle_kind(hHandle);
    return kind == SESSION_KEY || kind == DIGEST || kind == MAC ? handle_close(hHandle, kind) : SAR_INVALIDHANDLEERR;
}
