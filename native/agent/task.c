#include "task.h"

#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "json.h"
#include "sm2.h"

#define PREFIX "banyan-task-v1" /* with its final zero */
#define LONGEST_SEALED 8192

static const char *const TYPES[] = {"prepare", "write", "read_back", "change_pin", "unblock"};

static unsigned bit_of(const char *type) {
    for (unsigned i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (!strcmp(TYPES[i], type)) return 1u << i;
    return 0;
}

static bool is_signed(const json_t *origin, const char *body, const struct bytes *signature) {
    struct bytes message = bytes_copy(PREFIX, sizeof PREFIX);
    const json_t *text;
    size_t i;
    bool good = false;
    bytes_append(&message, body, strlen(body));
    json_array_foreach(json_object_get(origin, "task_keys"), i, text) {
        struct bytes spki = {NULL, 0};
        if (good || !json_is_string(text) || !bytes_of_base64(json_string_value(text), &spki)) continue;
        EVP_PKEY *key = key_of_spki(spki.data, spki.size);
        good = key && sm2_verify(key, message.data, message.size, signature);
        EVP_PKEY_free(key);
        bytes_free(&spki);
    }
    bytes_free(&message);
    return good;
}

/* The signed body out of the sealed text. */
static json_t *unsealed(const struct identity *identity, const json_t *origin, const char *sealed) {
    struct bytes cipher = {NULL, 0}, plain = {NULL, 0}, signature = {NULL, 0};
    json_t *body = NULL;
    if (strlen(sealed) > LONGEST_SEALED || !bytes_of_base64(sealed, &cipher)) return NULL;
    const bool is_open = cipher.size && sm2_decrypt(identity->key, &cipher, &plain);
    json_t *outer = is_open ? json_object_of((const char *)plain.data, plain.size) : NULL;
    const char *text = json_text(outer, "body");
    if (text && json_bytes(outer, "signature", &signature) && is_signed(origin, text, &signature))
        body = json_object_of(text, strlen(text));
    json_decref(outer);
    bytes_free(&signature);
    bytes_free(&plain);
    bytes_free(&cipher);
    return body;
}

static bool says(const json_t *body, const char *name, const char *wanted) {
    const char *text = json_text(body, name);
    return text && !strcmp(text, wanted);
}

static bool allows(const json_t *body, const char *type) {
    const json_t *text;
    size_t i;
    json_array_foreach(json_object_get(body, "allows"), i, text)
        if (json_is_string(text) && !strcmp(json_string_value(text), type)) return true;
    return false;
}

static struct begun *promised(struct session *session, const json_t *body, const char *profile, const char *serial) {
    struct bytes nonce = {NULL, 0};
    struct begun *found = NULL;
    if (!json_bytes(body, "nonce", &nonce)) return NULL;
    for (size_t i = 0; i < MOST_TASKS && nonce.size == NONCE; i++) {
        struct begun *begun = &session->begun[i];
        if (begun->until < now_ms() || CRYPTO_memcmp(begun->nonce, nonce.data, NONCE) != 0) continue;
        if (!strcmp(begun->profile, profile) && !strcmp(begun->serial, serial) && says(body, "task", begun->task))
            found = begun;
    }
    bytes_free(&nonce);
    return found;
}

json_t *task_open(const struct identity *identity, const json_t *origin, struct session *session, const char *type,
                  const char *profile, const char *serial, const char *sealed) {
    json_t *body = unsealed(identity, origin, sealed);
    const unsigned bit = bit_of(type);
    const bool is_ours = body && json_integer_value(json_object_get(body, "v")) == 1 &&
                         says(body, "agent", identity->key_id) && says(body, "origin", session->origin) &&
                         says(body, "profile", profile) && says(body, "serial", serial) && allows(body, type) &&
                         json_integer_value(json_object_get(body, "not_after")) >= (json_int_t)time(NULL);
    struct begun *begun = is_ours ? promised(session, body, profile, serial) : NULL;
    if (begun && bit && !(begun->used & bit)) {
        begun->used |= bit;
        return body;
    }
    json_decref(body);
    return NULL;
}
