/* SM2 with keys inside (signing) and outside (verifying, encrypting). */
#include "keys.h"

#define DIGEST_BYTES 32

ULONG SKF_ECCSignData(HCONTAINER hContainer, BYTE *pbData, ULONG ulDataLen, PECCSIGNATUREBLOB pSignature) {
    struct operation run;
    EVP_PKEY *key = NULL;
    if (!pbData || !pSignature) return SAR_INVALIDPARAMERR;
    if (ulDataLen != DIGEST_BYTES) return SAR_INDATALENERR;
    ULONG result = container_begin(&run, hContainer, false);
    if (result != SAR_OK) return result;
    result = key_open(&run, SIGNING, &key);
    operation_end(&run); /* other threads need not wait for the signature */
    if (result == SAR_OK && !sm2_sign(key, pbData, pSignature)) result = SAR_FAIL;
    EVP_PKEY_free(key);
    return result;
}

static ULONG outside_key(DEVHANDLE device, const ECCPUBLICKEYBLOB *blob, EVP_PKEY **key) {
    uint8_t point[SM2_POINT];
    void *held = handle_get(device, DEVICE);
    if (!held) return SAR_INVALIDHANDLEERR;
    handle_put(held);
    *key = blob_to_point(blob, point) ? sm2_public(point) : NULL;
    return *key ? SAR_OK : SAR_INDATAERR;
}

static ULONG verify(DEVHANDLE device, const ECCPUBLICKEYBLOB *blob, const BYTE *digest, ULONG size,
                    const ECCSIGNATUREBLOB *signature) {
    EVP_PKEY *key = NULL;
    if (!blob || !digest || !signature) return SAR_INVALIDPARAMERR;
    if (size != DIGEST_BYTES) return SAR_INDATALENERR;
    ULONG result = outside_key(device, blob, &key);
    if (result == SAR_OK && !sm2_verify(key, digest, signature)) result = SAR_FAIL;
    EVP_PKEY_free(key);
    return result;
}

ULONG SKF_ECCVerify(DEVHANDLE hDev, ECCPUBLICKEYBLOB *pECCPubKeyBlob, BYTE *pbData, ULONG ulDataLen,
                    PECCSIGNATUREBLOB pSignature) {
    return verify(hDev, pECCPubKeyBlob, pbData, ulDataLen, pSignature);
}

ULONG SKF_ExtECCVerify(DEVHANDLE hDev, ECCPUBLICKEYBLOB *pECCPubKeyBlob, BYTE *pbData, ULONG ulDataLen,
                       PECCSIGNATUREBLOB pSignature) {
    return verify(hDev, pECCPubKeyBlob, pbData, ulDataLen, pSignature);
}

ULONG SKF_ExtECCEncrypt(DEVHANDLE hDev, ECCPUBLICKEYBLOB *pECCPubKeyBlob, BYTE *pbPlainText, ULONG ulPlainTextLen,
                        PECCCIPHERBLOB pCipherText) {
    EVP_PKEY *key = NULL;
    if (!pECCPubKeyBlob || !pbPlainText || !pCipherText) return SAR_INVALIDPARAMERR;
    if (ulPlainTextLen == 0 || ulPlainTextLen > SM2_LONGEST_TEXT) return SAR_INDATALENERR;
    ULONG result = outside_key(hDev, pECCPubKeyBlob, &key);
    if (result == SAR_OK && !sm2_encrypt(key, pbPlainText, ulPlainTextLen, pCipherText)) result = SAR_FAIL;
    EVP_PKEY_free(key);
    return result;
}
