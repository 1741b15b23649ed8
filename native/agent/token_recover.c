/* A recovered old encryption key, in a container of its own: the envelope is for the signing key of another one. */
#include <string.h>

#include "envelope.h"
#include "errors.h"
#include "json.h"
#include "operations.h"
#include "token.h"

/* The certificate is for the key in the envelope: seen before anything is written. */
static bool fits(const struct bytes *envelope, const struct bytes *certificate) {
    uint8_t enveloped[POINT], certified[POINT];
    point_of_blob(&((const ENVELOPEDKEYBLOB *)envelope->data)->PubKey, enveloped);
    return point_of_certificate(certificate, certified) && !memcmp(enveloped, certified, POINT);
}

static ULONG recover(struct token *token, const json_t *asked, struct bytes *envelope, const struct bytes *certificate) {
    HCONTAINER signer = NULL, box = NULL;
    ULONG code = token_container(token, json_text(asked, "signing_container"), &signer);
    if (code != SAR_OK) return code;
    code = token_container_made(token, json_text(asked, "container"), &box);
    if (code == SAR_OK) {
        envelope_place_key(token->profile, envelope);
        code = SKF(token->skf, ImportECCKeyPairFor, box, signer, (PENVELOPEDKEYBLOB)envelope->data);
        if (code == SAR_OK)
            code = SKF(token->skf, ImportCertificate, box, FALSE, certificate->data, (ULONG)certificate->size);
        SKF(token->skf, CloseContainer, box);
    }
    SKF(token->skf, CloseContainer, signer);
    return code;
}

ULONG token_recover(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct bytes envelope = {NULL, 0}, certificate = {NULL, 0};
    struct token token = {0};
    (void)result;
    if (!skf->ImportECCKeyPairFor) return SAR_NOTSUPPORTYETERR;
    const bool good = json_bytes(asked, "envelope", &envelope) & json_bytes(asked, "encryption_certificate", &certificate);
    ULONG code = good && envelope.size == ENVELOPE_SIZE ? SAR_OK : AGENT_MALFORMED;
    if (code == SAR_OK && !fits(&envelope, &certificate)) code = AGENT_MISMATCH;
    if (code == SAR_OK) {
        code = token_connect(&token, skf, json_object_get(asked, "profile"), json_text(asked, "serial"));
        if (code == SAR_OK) code = token_open_application(&token);
        if (code == SAR_OK) code = token_log_in(&token, json_text(asked, "pin"), tries_left);
        if (code == SAR_OK) code = recover(&token, asked, &envelope, &certificate);
        token_close(&token);
    }
    bytes_free(&envelope);
    bytes_free(&certificate);
    return code;
}
