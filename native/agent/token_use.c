/* Using a finished token: signing, opening what was encrypted for it. */
#include <string.h>

#include "errors.h"
#include "json.h"
#include "operations.h"
#include "token.h"

static ULONG opened(struct token *token, struct skf *skf, const json_t *asked, HCONTAINER *box, int *tries_left) {
    ULONG code = token_connect(token, skf, json_object_get(asked, "profile"), json_text(asked, "serial"));
    if (code == SAR_OK) code = token_open_application(token);
    /* What speaks for the holder waits until nobody but the holder knows the PIN. All of this before a try is spent. */
    if (code == SAR_OK) code = token_has_own_pin(token);
    if (code == SAR_OK) code = token_container(token, json_text(asked, "container"), box);
    return code == SAR_OK ? token_log_in(token, json_text(asked, "pin"), tries_left) : code;
}

ULONG token_sign_message(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct token token;
    struct bytes message = {NULL, 0}, signature = {NULL, 0}, certificate = {NULL, 0};
    HCONTAINER box;
    if (!json_bytes(asked, "message", &message)) return AGENT_MALFORMED;
    ULONG code = opened(&token, skf, asked, &box, tries_left);
    if (code == SAR_OK) code = token_certificate(&token, box, true, &certificate);
    if (code == SAR_OK) code = token_sign(&token, box, message.data, message.size, &signature);
    if (code == SAR_OK) {
        json_put_bytes(result, "signature", signature.data, signature.size);
        json_put_bytes(result, "signing_certificate", certificate.data, certificate.size);
    }
    token_close(&token); /* with everything that stands on it */
    bytes_free(&message);
    bytes_free(&signature);
    bytes_free(&certificate);
    return code;
}

static ULONG decrypted(struct token *token, HCONTAINER box, const struct bytes *wrapped, const struct bytes *iv,
                       const struct bytes *data, struct bytes *plain) {
    BLOCKCIPHERPARAM how = {.IVLen = 16, .PaddingType = PADDING_PKCS5};
    HANDLE key;
    ULONG size = (ULONG)data->size;
    ULONG code = SKF(token->skf, ImportSessionKey, box, SGD_SM4_CBC, wrapped->data, (ULONG)wrapped->size, &key);
    if (code != SAR_OK) return code;
    memcpy(how.IV, iv->data, 16);
    *plain = bytes_copy(data->data, data->size); /* room of the right size */
    code = SKF(token->skf, DecryptInit, key, how);
    if (code == SAR_OK) code = SKF(token->skf, Decrypt, key, data->data, (ULONG)data->size, plain->data, &size);
    if (code == SAR_OK) plain->size = size;
    SKF(token->skf, CloseHandle, key);
    return code;
}

ULONG token_open_envelope(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct token token;
    struct bytes der = {NULL, 0}, wrapped = {NULL, 0}, iv = {NULL, 0}, data = {NULL, 0}, plain = {NULL, 0};
    HCONTAINER box;
    const bool good = json_bytes(asked, "wrapped_key", &der) & json_bytes(asked, "iv", &iv) &
                      json_bytes(asked, "data", &data);
    ULONG code = good && iv.size == 16 && data.size && data.size % 16 == 0 && cipher_blob_of_der(&der, &wrapped)
                     ? SAR_OK
                     : AGENT_MALFORMED;
    if (code == SAR_OK) {
        code = opened(&token, skf, asked, &box, tries_left);
        if (code == SAR_OK) code = decrypted(&token, box, &wrapped, &iv, &data, &plain);
        if (code == SAR_OK) json_put_bytes(result, "data", plain.data, plain.size);
        token_close(&token);
    }
    bytes_free(&der);
    bytes_free(&wrapped);
    bytes_free(&iv);
    bytes_free(&data);
    bytes_free(&plain);
    return code;
}
