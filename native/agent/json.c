#include "json.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* The size stands in front of each piece, in a field that keeps what follows aligned. */
#define FRONT 16

static void *sized_malloc(size_t size) {
    uint8_t *memory = malloc(size + FRONT);
    if (!memory) return NULL;
    memcpy(memory, &size, sizeof size);
    return memory + FRONT;
}

static void wiping_free(void *memory) {
    size_t size;
    if (!memory) return;
    uint8_t *whole = (uint8_t *)memory - FRONT;
    memcpy(&size, whole, sizeof size);
    OPENSSL_cleanse(whole, size + FRONT);
    free(whole);
}

void json_wipe_when_freed(void) { json_set_alloc_funcs(sized_malloc, wiping_free); }

json_t *json_object_of(const char *text, size_t size) {
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value)) return value;
    json_decref(value);
    return NULL;
}

const char *json_text(const json_t *object, const char *name) { return json_string_value(json_object_get(object, name)); }

bool json_bytes(const json_t *object, const char *name, struct bytes *out) {
    const char *text = json_text(object, name);
    *out = (struct bytes){NULL, 0};
    return text && bytes_of_base64(text, out);
}

void json_put_text(json_t *object, const char *name, const char *text) {
    json_t *made = text ? json_string(text) : NULL; /* none when a vendor's text is not UTF-8 */
    json_object_set_new(object, name, made ? made : json_string(""));
}

void json_put_bytes(json_t *object, const char *name, const void *data, size_t size) {
    char *text = base64_of(data, size);
    json_put_text(object, name, text);
    OPENSSL_cleanse(text, strlen(text));
    free(text);
}

char *json_line(const json_t *value) { return must_have(json_dumps(value, JSON_COMPACT)); }

void json_text_free(char *text) { wiping_free(text); }
