#include "session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "../include/banyan_skf.h"
#include "keys.h"

const EVP_CIPHER *session_cipher(ULONG algorithm) {
    switch (algorithm) {
    case SGD_SM4_ECB: return EVP_sm4_ecb();
    case SGD_SM4_CBC:
    case SGD_SM4_MAC: return EVP_sm4_cbc();
    case SGD_SM4_CFB: return EVP_sm4_cfb128();
    case SGD_SM4_OFB: return EVP_sm4_ofb();
    default: return NULL;
    }
}

static void destroy_session(struct object *object) {
    struct session_key *key = (struct session_key *)object;
    EVP_CIPHER_CTX_free(key->sides[DECRYPT].run);
    EVP_CIPHER_CTX_free(key->sides[ENCRYPT].run);
    secret_free(key->key, SM4_KEY);
    free(key);
}

ULONG session_new(struct object *parent, ULONG algorithm, const uint8_t key[SM4_KEY], HANDLE *handle) {
    struct session_key *made = calloc(1, sizeof *made);
    if (!made) return SAR_MEMORYERR;
    made->object.kind = SESSION_KEY;
    made->object.destroy = destroy_session;
    made->algorithm = algorithm;
    made->key = secret_new(SM4_KEY);
    if (!made->key) {
        free(made);
        return SAR_MEMORYERR;
    }
    memcpy(made->key, key, SM4_KEY);
    return handle_new(&made->object, parent, handle);
}

ULONG SKF_SetSymmKey(DEVHANDLE hDev, BYTE *pbKey, ULONG ulAlgID, HANDLE *phKey) {
    if (!pbKey || !phKey) return SAR_INVALIDPARAMERR;
    if (!session_cipher(ulAlgID)) return SAR_NOTSUPPORTYETERR;
    struct object *device = handle_get(hDev, DEVICE);
    if (!device) return SAR_INVALIDHANDLEERR;
    const ULONG result = session_new(device, ulAlgID, pbKey, phKey);
    handle_put(device);
    return result;
}

ULONG SKF_DestroySessionKey(HANDLE hSessionKey) { return handle_close(hSessionKey, SESSION_KEY); }

ULONG SKF_ECCExportSessionKey(HCONTAINER hContainer, ULONG ulAlgId, ECCPUBLICKEYBLOB *pPubKey, PECCCIPHERBLOB pData,
                              HANDLE *phSessionKey) {
    struct operation run;
    uint8_t point[SM2_POINT], key[SM4_KEY];
    if (!pPubKey || !pData || !phSessionKey) return SAR_INVALIDPARAMERR;
    if (!session_cipher(ulAlgId)) return SAR_NOTSUPPORTYETERR;
    ULONG result = container_begin(&run, hContainer, false);
    if (result != SAR_OK) return result;
    EVP_PKEY *recipient = blob_to_point(pPubKey, point) ? sm2_public(point) : NULL;
    if (!login_find(&run, USER_TYPE)) result = SAR_USER_NOT_LOGGED_IN;
    else if (!recipient) result = SAR_INDATAERR;
    else if (RAND_priv_bytes(key, SM4_KEY) != 1) result = SAR_GENRANDERR;
    else if (!sm2_encrypt(recipient, key, SM4_KEY, pData)) result = SAR_FAIL;
    else result = session_new(&run.handle->object, ulAlgId, key, phSessionKey);
    wipe(key, sizeof key);
    EVP_PKEY_free(recipient);
    operation_end(&run);
    return result;
}

ULONG SKF_ImportSessionKey(HCONTAINER hContainer, ULONG ulAlgId, BYTE *pbWrapedData, ULONG ulWrapedLen, HANDLE *phKey) {
    struct operation run;
    EVP_PKEY *mine = NULL;
    uint8_t key[SM4_KEY];
    size_t size = SM4_KEY;
    const size_t head = sizeof(ECCCIPHERBLOB) - 1;
    const ECCCIPHERBLOB *blob = (const ECCCIPHERBLOB *)pbWrapedData;
    if (!pbWrapedData || !phKey) return SAR_INVALIDPARAMERR;
    if (!session_cipher(ulAlgId)) return SAR_NOTSUPPORTYETERR;
    if (ulWrapedLen < head + SM4_KEY || blob->CipherLen != SM4_KEY) return SAR_INDATALENERR;
    ULONG result = container_begin(&run, hContainer, false);
    if (result != SAR_OK) return result;
    result = key_open(&run, ENCRYPTION, &mine);
    if (result == SAR_OK && !(sm2_decrypt(mine, blob, key, &size) && size == SM4_KEY)) result = SAR_INDATAERR;
    if (result == SAR_OK) result = session_new(&run.handle->object, ulAlgId, key, phKey);
    wipe(key, sizeof key);
    EVP_PKEY_free(mine);
    operation_end(&run);
    return result;
}

ULONG BYT_ECCDecrypt(HCONTAINER hContainer, PECCCIPHERBLOB pCipherText, BYTE *pbPlainText, ULONG *pulPlainTextLen) {
    struct operation run;
    EVP_PKEY *mine = NULL;
    if (!pCipherText || !pulPlainTextLen) return SAR_INVALIDPARAMERR;
    if (pCipherText->CipherLen == 0 || pCipherText->CipherLen > SM2_LONGEST_TEXT) return SAR_INDATALENERR;
    const ULONG had = *pulPlainTextLen;
    *pulPlainTextLen = pCipherText->CipherLen;
    if (!pbPlainText) return SAR_OK;
    if (had < pCipherText->CipherLen) return SAR_BUFFER_TOO_SMALL;
    ULONG result = container_begin(&run, hContainer, false);
    if (result != SAR_OK) return result;
    result = key_open(&run, ENCRYPTION, &mine);
    size_t size = had;
    if (result == SAR_OK && !sm2_decrypt(mine, pCipherText, pbPlainText, &size)) result = SAR_INDATAERR;
    if (result == SAR_OK) *pulPlainTextLen = (ULONG)size;
    EVP_PKEY_free(mine);
    operation_end(&run);
    return result;
}
