/* Octets of known length, and their texts. */
#ifndef AGENT_BYTES_H
#define AGENT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t size;
};

/* Never NULL: a process without memory ends. */
void *must_have(void *memory);

struct bytes bytes_copy(const void *data, size_t size);
void bytes_append(struct bytes *to, const void *data, size_t size);

/* Wiped first; several of these hold secrets and none is large. */
void bytes_free(struct bytes *bytes);

/* Standard base64 with padding. The caller frees. */
char *base64_of(const void *data, size_t size);
bool bytes_of_base64(const char *text, struct bytes *out);

/* Lower case; `to` has room for 2 * size + 1. */
void hex_of(const uint8_t *data, size_t size, char *to);
bool bytes_of_hex(const char *text, struct bytes *out);

/* Milliseconds of a clock that only goes forward. */
double now_ms(void);

#endif
