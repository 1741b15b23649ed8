/* Looking: which tokens are there and what is in them. */
#include <string.h>

#include "errors.h"
#include "json.h"
#include "operations.h"
#include "token.h"

static void put_field(json_t *to, const char *name, const CHAR *field, size_t size) {
    struct bytes text = bytes_copy(field, size); /* fields of the standard may end without a zero */
    json_put_text(to, name, (const char *)text.data);
    bytes_free(&text);
}

static const char *state_of(bool has_key, const struct bytes *signing, const struct bytes *encryption, bool fits) {
    if (fits) return "whole";
    if (signing->size || encryption->size) return "partial";
    return has_key ? "key" : "empty";
}

static bool fits(const struct bytes *certificate, bool has_key, const uint8_t point[POINT]) {
    uint8_t certified[POINT];
    return has_key && certificate->size && point_of_certificate(certificate, certified) &&
           !memcmp(certified, point, POINT);
}

static ULONG describe_container(struct token *token, const char *name, json_t *to) {
    HCONTAINER box;
    uint8_t point[POINT], other[POINT];
    bool has_key = false, has_other = false;
    struct bytes signing = {NULL, 0}, encryption = {NULL, 0};
    ULONG code = SKF(token->skf, OpenContainer, token->app, (LPSTR)name, &box);
    if (code != SAR_OK) return code;
    code = token_point(token, box, true, point, &has_key);
    if (code == SAR_OK) code = token_point(token, box, false, other, &has_other);
    if (code == SAR_OK) code = token_certificate(token, box, true, &signing);
    if (code == SAR_OK) code = token_certificate(token, box, false, &encryption);
    SKF(token->skf, CloseContainer, box);
    if (code == SAR_OK) {
        struct bytes spki = has_key ? spki_of_point(point) : bytes_copy("", 0);
        const bool is_whole = fits(&signing, has_key, point) && fits(&encryption, has_other, other);
        json_put_text(to, "name", name);
        json_put_text(to, "state", state_of(has_key || has_other, &signing, &encryption, is_whole));
        /* An encryption key without its certificate is more than a key and less than a pair. */
        if (has_other && !is_whole)
            json_put_text(to, "state", !has_key && fits(&encryption, has_other, other) ? "recovered" : "partial");
        json_put_bytes(to, "public_key", spki.data, spki.size);
        json_put_bytes(to, "signing_certificate", signing.data, signing.size);
        json_put_bytes(to, "encryption_certificate", encryption.data, encryption.size);
        bytes_free(&spki);
    }
    bytes_free(&signing);
    bytes_free(&encryption);
    return code;
}

static ULONG describe_application(struct token *token, json_t *to) {
    struct bytes names;
    ULONG most, left, code;
    BOOL is_first;
    json_t *boxes = json_array();
    json_object_set_new(to, "containers", boxes);
    code = token_open_application(token);
    if (code == SAR_APPLICATION_NOT_EXISTS) return SAR_OK; /* a blank token */
    if (code == SAR_OK) code = token_pin_info(token, &most, &left, &is_first);
    if (code != SAR_OK) return code;
    json_put_text(to, "application", token->application);
    json_object_set_new(to, "most_tries", json_integer(most));
    json_object_set_new(to, "tries_left", json_integer(left));
    json_object_set_new(to, "is_first_pin", json_boolean(is_first));
    code = token_containers(token, &names);
    for (const char *name = (const char *)names.data; code == SAR_OK && name && *name; name += strlen(name) + 1) {
        json_t *box = json_object();
        code = describe_container(token, name, box);
        json_array_append_new(boxes, box);
    }
    bytes_free(&names);
    return code;
}

ULONG token_list(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    const json_t *profile = json_object_get(asked, "profile");
    struct bytes names;
    json_t *tokens = json_array();
    (void)tries_left;
    json_object_set_new(result, "tokens", tokens);
    const ULONG code = token_devices(skf, &names);
    for (const char *name = (const char *)names.data; code == SAR_OK && name && *name; name += strlen(name) + 1) {
        struct token token;
        json_t *one = json_object();
        ULONG each = token_connect_name(&token, skf, profile, name);
        if (each == SAR_OK) {
            put_field(one, "serial", token.info.SerialNumber, sizeof token.info.SerialNumber);
            put_field(one, "label", token.info.Label, sizeof token.info.Label);
            put_field(one, "manufacturer", token.info.Manufacturer, sizeof token.info.Manufacturer);
            each = describe_application(&token, one);
        }
        token_close(&token);
        /* Pulled out while we look: it is not there. What else is wrong with one token hides no other. */
        if (each == SAR_DEVICE_REMOVED) json_decref(one);
        else {
            if (each != SAR_OK) json_object_set_new(one, "fault", json_integer(each));
            json_array_append_new(tokens, one);
        }
    }
    bytes_free(&names);
    return code;
}

static void put_holder(struct token *token, const char *container, json_t *to) {
    HCONTAINER box;
    struct bytes der;
    if (token_container(token, container, &box) != SAR_OK) return;
    if (token_certificate(token, box, true, &der) == SAR_OK && der.size) {
        X509 *certificate = certificate_of(&der);
        const X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
        const int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
        unsigned char *text = NULL;
        if (at >= 0) ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
        if (text) json_put_text(to, "holder", (const char *)text);
        OPENSSL_free(text);
        X509_free(certificate);
    }
    bytes_free(&der);
    SKF(token->skf, CloseContainer, box);
}

ULONG token_inspect(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    const char *container = json_text(asked, "container");
    struct token token;
    ULONG most, left;
    BOOL is_first;
    ULONG code = token_connect(&token, skf, json_object_get(asked, "profile"), json_text(asked, "serial"));
    if (code == SAR_OK) code = token_open_application(&token);
    if (code == SAR_OK) code = token_pin_info(&token, &most, &left, &is_first);
    if (code == SAR_OK) {
        *tries_left = (int)left;
        put_field(result, "label", token.info.Label, sizeof token.info.Label);
        json_object_set_new(result, "is_first_pin", json_boolean(is_first));
        if (container) put_holder(&token, container, result);
        if (left == 0) code = SAR_PIN_LOCKED;
        /* No window for what would be refused afterwards. */
        else if (is_first && json_is_true(json_object_get(asked, "needs_own_pin"))) code = AGENT_FIRST_PIN;
    }
    token_close(&token);
    return code;
}
