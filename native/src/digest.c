/* Digests; SM3 begins with Z when a signer's key and ID are given. */
#include <stdlib.h>
#include <string.h>

#include "device.h"

struct digest {
    struct object object; /* parent: device */
    EVP_MD_CTX *run;      /* NULL: finished */
    ULONG size;
};

static void destroy_digest(struct object *object) {
    EVP_MD_CTX_free(((struct digest *)object)->run);
    free(object);
}

static const EVP_MD *algorithm_of(ULONG number) {
    return number == SGD_SM3 ? EVP_sm3() : number == SGD_SHA1 ? EVP_sha1() : number == SGD_SHA256 ? EVP_sha256() : NULL;
}

ULONG SKF_DigestInit(DEVHANDLE hDev, ULONG ulAlgID, ECCPUBLICKEYBLOB *pPubKey, unsigned char *pucID, ULONG ulIDLen,
                     HANDLE *phHash) {
    uint8_t point[SM2_POINT];
    const EVP_MD *algorithm = algorithm_of(ulAlgID);
    const bool with_z = ulAlgID == SGD_SM3 && ulIDLen != 0;
    if (!phHash || (with_z && (!pPubKey || !pucID || ulIDLen >= 8192))) return SAR_INVALIDPARAMERR;
    if (!algorithm) return SAR_NOTSUPPORTYETERR;
    struct object *device = handle_get(hDev, DEVICE);
    if (!device) return SAR_INVALIDHANDLEERR;
    struct digest *made = calloc(1, sizeof *made);
    ULONG result = SAR_MEMORYERR;
    if (made && (made->run = EVP_MD_CTX_new())) {
        made->object.kind = DIGEST;
        made->object.destroy = destroy_digest;
        made->size = (ULONG)EVP_MD_get_size(algorithm);
        if (with_z && !blob_to_point(pPubKey, point)) result = SAR_INDATAERR;
        else if (with_z) result = sm2_begin_with_z(made->run, point, pucID, ulIDLen) ? SAR_OK : SAR_HASHERR;
        else result = EVP_DigestInit_ex(made->run, algorithm, NULL) == 1 ? SAR_OK : SAR_HASHERR;
    }
    if (result == SAR_OK) {
        result = handle_new(&made->object, device, phHash);
    } else if (made) {
        EVP_MD_CTX_free(made->run);
        free(made);
    }
    handle_put(device);
    return result;
}

static ULONG step_of(HANDLE handle, bool feeds, const BYTE *data, ULONG size, bool ends, BYTE *out, ULONG *room) {
    uint8_t value[EVP_MAX_MD_SIZE];
    if ((feeds && !data && size) || (ends && !room)) return SAR_INVALIDPARAMERR;
    struct digest *digest = handle_get(handle, DIGEST);
    if (!digest) return SAR_INVALIDHANDLEERR;
    pthread_mutex_lock(&digest->object.lock);
    ULONG result = SAR_OK;
    if (!digest->run) result = SAR_HASHOBJERR;
    else if (ends && (!out || *room < digest->size)) {
        result = out ? SAR_BUFFER_TOO_SMALL : SAR_OK;
        *room = digest->size;
        ends = feeds = false;
    }
    if (result == SAR_OK && feeds && EVP_DigestUpdate(digest->run, data, size) != 1) result = SAR_HASHERR;
    if (result == SAR_OK && ends) {
        result = EVP_DigestFinal_ex(digest->run, value, NULL) == 1 ? give(value, digest->size, out, room) : SAR_HASHERR;
        EVP_MD_CTX_free(digest->run);
        digest->run = NULL;
    }
    pthread_mutex_unlock(&digest->object.lock);
    handle_put(digest);
    return result;
}

ULONG SKF_Digest(HANDLE hHash, BYTE *pbData, ULONG ulDataLen, BYTE *pbHashData, ULONG *pulHashLen) {
    return step_of(hHash, true, pbData, ulDataLen, true, pbHashData, pulHashLen);
}

ULONG SKF_DigestUpdate(HANDLE hHash, BYTE *pbData, ULONG ulDataLen) {
    return step_of(hHash, true, pbData, ulDataLen, false, NULL, NULL);
}

ULONG SKF_DigestFinal(HANDLE hHash, BYTE *pHashData, ULONG *pulHashLen) {
    return step_of(hHash, false, NULL, 0, true, pHashData, pulHashLen);
}
