/* An encryption key pair arrives in an envelope for the container's signing key. */
#include <string.h>

#include "../include/banyan_skf.h"
#include "keys.h"

#define KEK 16
#define FIELD 64

/* In ECB the right half of the field is the same whether 32 or all 64 octets were encrypted; a few devices' envelopes
 * have the key on the left. */
static const size_t places[] = {FIELD - SM2_SCALAR, 0};

static bool open_field(const ENVELOPEDKEYBLOB *blob, const uint8_t kek[KEK], const uint8_t point[SM2_POINT],
                       uint8_t scalar[SM2_SCALAR]) {
    bool good = false;
    for (size_t i = 0; i < 2 && !good; i++) {
        EVP_CIPHER_CTX *run = EVP_CIPHER_CTX_new();
        EVP_PKEY *key = NULL;
        int made = 0;
        if (run && EVP_DecryptInit_ex(run, EVP_sm4_ecb(), NULL, kek, NULL) == 1 && EVP_CIPHER_CTX_set_padding(run, 0) == 1 &&
            EVP_DecryptUpdate(run, scalar, &made, blob->cbEncryptedPriKey + places[i], SM2_SCALAR) == 1 &&
            made == SM2_SCALAR)
            key = sm2_proved_private(scalar, point);
        good = key != NULL;
        EVP_PKEY_free(key);
        EVP_CIPHER_CTX_free(run);
    }
    return good;
}

static ULONG open_envelope(EVP_PKEY *recipient, const ENVELOPEDKEYBLOB *blob, uint8_t *scalar, uint8_t *point) {
    uint8_t kek[KEK];
    size_t size = KEK;
    if (blob->Version != 1 || blob->ulBits != 256 || !blob_to_point(&blob->PubKey, point)) return SAR_INDATAERR;
    if (blob->ulSymmAlgID != SGD_SM4_ECB) return SAR_NOTSUPPORTYETERR;
    if (blob->ECCCipherBlob.CipherLen != KEK) return SAR_INDATALENERR;
    const bool good = sm2_decrypt(recipient, &blob->ECCCipherBlob, kek, &size) && size == KEK &&
                      open_field(blob, kek, point, scalar);
    wipe(kek, sizeof kek);
    return good ? SAR_OK : SAR_INDATAERR;
}

static ULONG import(HCONTAINER into, HCONTAINER signing, const ENVELOPEDKEYBLOB *blob) {
    struct operation run;
    EVP_PKEY *recipient = NULL;
    uint8_t point[SM2_POINT];
    ULONG result = container_begin(&run, signing, false);
    if (result != SAR_OK) return result;
    result = key_open(&run, SIGNING, &recipient);
    operation_end(&run);
    uint8_t *scalar = secret_new(SM2_SCALAR);
    if (result == SAR_OK) result = scalar ? open_envelope(recipient, blob, scalar, point) : SAR_MEMORYERR;
    EVP_PKEY_free(recipient);
    if (result == SAR_OK) result = container_begin(&run, into, true);
    if (result == SAR_OK) {
        result = key_store(&run, ENCRYPTION, scalar, point);
        operation_end(&run);
    }
    secret_free(scalar, SM2_SCALAR);
    return result;
}

ULONG SKF_ImportECCKeyPair(HCONTAINER hContainer, PENVELOPEDKEYBLOB pEnvelopedKeyBlob) {
    return pEnvelopedKeyBlob ? import(hContainer, hContainer, pEnvelopedKeyBlob) : SAR_INVALIDPARAMERR;
}

ULONG BYT_ImportECCKeyPairFor(HCONTAINER hContainer, HCONTAINER hSigningContainer, PENVELOPEDKEYBLOB pEnvelopedKeyBlob) {
    return pEnvelopedKeyBlob ? import(hContainer, hSigningContainer, pEnvelopedKeyBlob) : SAR_INVALIDPARAMERR;
}
