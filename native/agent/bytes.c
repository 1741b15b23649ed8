#include "bytes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

void *must_have(void *memory) {
    if (!memory) abort();
    return memory;
}

struct bytes bytes_copy(const void *data, size_t size) {
    struct bytes made = {must_have(malloc(size + 1)), size};
    if (size) memcpy(made.data, data, size);
    made.data[size] = 0; /* so that text can be used as such */
    return made;
}

void bytes_append(struct bytes *to, const void *data, size_t size) {
    to->data = must_have(realloc(to->data, to->size + size + 1));
    if (size) memcpy(to->data + to->size, data, size);
    to->size += size;
    to->data[to->size] = 0;
}

void bytes_free(struct bytes *bytes) {
    if (bytes->data) OPENSSL_cleanse(bytes->data, bytes->size);
    free(bytes->data);
    *bytes = (struct bytes){NULL, 0};
}

char *base64_of(const void *data, size_t size) {
    char *text = must_have(malloc(4 * ((size + 2) / 3) + 1));
    text[0] = 0;
    EVP_EncodeBlock((unsigned char *)text, data, (int)size);
    return text;
}

bool bytes_of_base64(const char *text, struct bytes *out) {
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t size = strlen(text), plain = strspn(text, ALPHABET), padding = size - plain;
    *out = (struct bytes){NULL, 0};
    if (size % 4 || padding > 2 || strspn(text + plain, "=") != padding || size > (1u << 24)) return false;
    out->data = must_have(malloc(size / 4 * 3 + 1));
    const int made = size ? EVP_DecodeBlock(out->data, (const unsigned char *)text, (int)size) : 0;
    if (made < (int)padding) {
        bytes_free(out);
        return false;
    }
    out->size = (size_t)made - padding;
    out->data[out->size] = 0;
    return true;
}

void hex_of(const uint8_t *data, size_t size, char *to) {
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        to[2 * i] = DIGITS[data[i] >> 4];
        to[2 * i + 1] = DIGITS[data[i] & 15];
    }
    to[2 * size] = 0;
}

bool bytes_of_hex(const char *text, struct bytes *out) {
    long size = 0;
    *out = (struct bytes){NULL, 0};
    if (!*text) return true;
    unsigned char *made = strchr(text, ':') ? NULL : OPENSSL_hexstr2buf(text, &size);
    if (!made) return false;
    *out = bytes_copy(made, (size_t)size);
    OPENSSL_clear_free(made, (size_t)size);
    return true;
}

double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}
