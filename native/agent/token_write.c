/* Making a certificate's token: key, request, envelope, certificates, and the proof that all of it is there. */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "certificate_request.h"
#include "envelope.h"
#include "errors.h"
#include "json.h"
#include "operations.h"
#include "token.h"

#define TRIES 6
#define CHALLENGE 8
#define BLOCK 16

/* The device key encrypts a random block: GM/T 0016, device authentication. */
static ULONG authenticate(struct token *token, const struct bytes *device_key) {
    uint8_t number[BLOCK] = {0}, sealed[2 * BLOCK];
    int size = 0;
    ULONG code = SKF(token->skf, GenRandom, token->dev, number, CHALLENGE);
    if (code != SAR_OK) return code;
    EVP_CIPHER_CTX *context = must_have(EVP_CIPHER_CTX_new());
    const bool good = device_key->size == BLOCK &&
                      EVP_EncryptInit_ex(context, EVP_sm4_ecb(), NULL, device_key->data, NULL) > 0 &&
                      EVP_EncryptUpdate(context, sealed, &size, number, BLOCK) > 0 && size == BLOCK;
    EVP_CIPHER_CTX_free(context);
    return good ? SKF(token->skf, DevAuth, token->dev, sealed, BLOCK) : SAR_INVALIDPARAMERR;
}

/* In a blank token, when the platform sent what that takes. */
static ULONG make_application(struct token *token, const json_t *asked) {
    const char *admin_pin = json_text(asked, "admin_pin"), *pin = json_text(asked, "pin");
    const char *key = json_text(asked, "device_key"), *name = json_text(token->profile, "application");
    struct bytes device_key;
    if (!key) key = json_text(token->profile, "auth_key");
    if (!admin_pin || !pin || !key || !name || !*name) return SAR_APPLICATION_NOT_EXISTS;
    if (!bytes_of_hex(key, &device_key)) return SAR_INVALIDPARAMERR;
    ULONG code = authenticate(token, &device_key);
    if (code == SAR_OK)
        code = SKF(token->skf, CreateApplication, token->dev, (LPSTR)name, (LPSTR)admin_pin, TRIES, (LPSTR)pin, TRIES,
                   SECURE_ANYONE_ACCOUNT, &token->app);
    bytes_free(&device_key);
    return code;
}

static ULONG opened(struct token *token, struct skf *skf, const json_t *asked, int *tries_left) {
    ULONG code = token_connect(token, skf, json_object_get(asked, "profile"), json_text(asked, "serial"));
    if (code == SAR_OK) code = token_open_application(token);
    if (code == SAR_APPLICATION_NOT_EXISTS) code = make_application(token, asked);
    return code == SAR_OK ? token_log_in(token, json_text(asked, "pin"), tries_left) : code;
}

/* The key that is there, or a new one; a container that has a certificate is not for this. */
static ULONG key_in(struct token *token, HCONTAINER box, uint8_t point[POINT]) {
    ECCPUBLICKEYBLOB blob;
    struct bytes certificate;
    bool is_there;
    ULONG code = token_point(token, box, true, point, &is_there);
    if (code != SAR_OK) return code;
    if (!is_there) {
        code = SKF(token->skf, GenECCKeyPair, box, SGD_SM2_1, &blob);
        if (code == SAR_OK) point_of_blob(&blob, point);
        return code;
    }
    code = token_certificate(token, box, true, &certificate);
    if (code == SAR_OK && certificate.size) code = SAR_OBJERR;
    bytes_free(&certificate);
    return code;
}

struct signer {
    struct token *token;
    HCONTAINER box;
    ULONG code;
};

static bool sign_request(void *with, const void *message, size_t size, struct bytes *signature) {
    struct signer *signer = with;
    signer->code = token_sign(signer->token, signer->box, message, size, signature);
    return signer->code == SAR_OK;
}

ULONG token_prepare(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct token token;
    struct bytes subject = {NULL, 0}, request = {NULL, 0};
    uint8_t point[POINT];
    HCONTAINER box;
    ULONG code = opened(&token, skf, asked, tries_left);
    if (code == SAR_OK) code = token_container_made(&token, json_text(asked, "container"), &box);
    if (code == SAR_OK) {
        code = key_in(&token, box, point);
        struct signer signer = {&token, box, SAR_FAIL};
        if (code == SAR_OK && !json_bytes(asked, "subject", &subject)) code = AGENT_MALFORMED;
        if (code == SAR_OK && !certificate_request(&subject, point, sign_request, &signer, &request))
            code = signer.code == SAR_FAIL ? AGENT_MALFORMED : signer.code;
        SKF(skf, CloseContainer, box);
    }
    if (code == SAR_OK) {
        struct bytes spki = spki_of_point(point);
        json_put_bytes(result, "request", request.data, request.size);
        json_put_bytes(result, "public_key", spki.data, spki.size);
        bytes_free(&spki);
    }
    token_close(&token);
    bytes_free(&subject);
    bytes_free(&request);
    return code;
}

/* The certificates as they came back out of the token and a signature that its key just made. */
static ULONG read_back(struct token *token, HCONTAINER box, const json_t *asked, json_t *result) {
    struct bytes message = {NULL, 0}, signature = {NULL, 0}, signing = {NULL, 0}, encryption = {NULL, 0};
    uint8_t point[POINT], certified[POINT];
    bool is_there = false;
    ULONG code = json_bytes(asked, "message", &message) ? SAR_OK : AGENT_MALFORMED;
    if (code == SAR_OK) code = token_certificate(token, box, true, &signing);
    if (code == SAR_OK) code = token_certificate(token, box, false, &encryption);
    if (code == SAR_OK && !signing.size) code = SAR_CERTNOTFOUNTERR;
    if (code == SAR_OK) code = token_point(token, box, true, point, &is_there);
    if (code == SAR_OK && (!is_there || !point_of_certificate(&signing, certified) || memcmp(point, certified, POINT)))
        code = AGENT_MISMATCH;
    if (code == SAR_OK) code = token_sign(token, box, message.data, message.size, &signature);
    if (code == SAR_OK) {
        json_put_text(result, "serial", token->serial);
        json_put_bytes(result, "signature", signature.data, signature.size);
        json_put_bytes(result, "signing_certificate", signing.data, signing.size);
        json_put_bytes(result, "encryption_certificate", encryption.data, encryption.size);
    }
    bytes_free(&message);
    bytes_free(&signature);
    bytes_free(&signing);
    bytes_free(&encryption);
    return code;
}

ULONG token_read_back(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct token token;
    HCONTAINER box;
    ULONG code = opened(&token, skf, asked, tries_left);
    if (code == SAR_OK) code = token_container(&token, json_text(asked, "container"), &box);
    if (code == SAR_OK) {
        code = read_back(&token, box, asked, result);
        SKF(skf, CloseContainer, box);
    }
    token_close(&token);
    return code;
}

struct pair {
    struct bytes signing, encryption, envelope;
};

static ULONG take_pair(const json_t *asked, struct pair *pair) {
    const bool good = json_bytes(asked, "signing_certificate", &pair->signing) &
                      json_bytes(asked, "encryption_certificate", &pair->encryption) &
                      json_bytes(asked, "envelope", &pair->envelope);
    return good && pair->envelope.size == ENVELOPE_SIZE ? SAR_OK : AGENT_MALFORMED;
}

/* Before anything is written: the certificates are for the key in the token and the key in the envelope. */
static ULONG check_pair(struct token *token, HCONTAINER box, const struct pair *pair) {
    const ENVELOPEDKEYBLOB *envelope = (const ENVELOPEDKEYBLOB *)pair->envelope.data;
    uint8_t own[POINT], enveloped[POINT], signing[POINT], encryption[POINT];
    bool is_there;
    const ULONG code = token_point(token, box, true, own, &is_there);
    if (code != SAR_OK) return code;
    if (!is_there) return SAR_KEYNOTFOUNTERR;
    point_of_blob(&envelope->PubKey, enveloped);
    const bool fits = point_of_certificate(&pair->signing, signing) && !memcmp(signing, own, POINT) &&
                      point_of_certificate(&pair->encryption, encryption) && !memcmp(encryption, enveloped, POINT);
    return fits ? SAR_OK : AGENT_MISMATCH;
}

static bool is_written(struct token *token, HCONTAINER box, bool is_signing, const struct bytes *wanted) {
    struct bytes found;
    const bool good = token_certificate(token, box, is_signing, &found) == SAR_OK && found.size == wanted->size &&
                      !memcmp(found.data, wanted->data, wanted->size);
    bytes_free(&found);
    return good;
}

/* The signing certificate last: until it is in, nobody takes the container for a finished one. */
static ULONG write_pair(struct token *token, HCONTAINER box, struct pair *pair) {
    ULONG code = check_pair(token, box, pair);
    envelope_place_key(token->profile, &pair->envelope);
    if (code == SAR_OK) code = SKF(token->skf, ImportECCKeyPair, box, (PENVELOPEDKEYBLOB)pair->envelope.data);
    if (code == SAR_OK)
        code = SKF(token->skf, ImportCertificate, box, FALSE, pair->encryption.data, (ULONG)pair->encryption.size);
    if (code == SAR_OK && !is_written(token, box, false, &pair->encryption)) code = SAR_WRITEFILEERR;
    if (code == SAR_OK)
        code = SKF(token->skf, ImportCertificate, box, TRUE, pair->signing.data, (ULONG)pair->signing.size);
    if (code == SAR_OK && !is_written(token, box, true, &pair->signing)) code = SAR_WRITEFILEERR;
    return code;
}

ULONG token_write(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct token token;
    struct pair pair = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    HCONTAINER box;
    ULONG code = take_pair(asked, &pair);
    if (code == SAR_OK) {
        code = opened(&token, skf, asked, tries_left);
        if (code == SAR_OK) code = token_container(&token, json_text(asked, "container"), &box);
        if (code == SAR_OK) {
            code = write_pair(&token, box, &pair);
            if (code == SAR_OK) code = read_back(&token, box, asked, result);
            SKF(skf, CloseContainer, box);
        }
        token_close(&token);
    }
    bytes_free(&pair.signing);
    bytes_free(&pair.encryption);
    bytes_free(&pair.envelope);
    return code;
}
