#include "quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define MARK "│ "
#define GOES_ON "┊ "     /* the same line */
#define COLUMNS 64       /* narrow enough that no window program breaks the line itself, and leaves the rest unmarked */
#define MOST_EMPTY_LINES 1

/* What a window would not show, or would show elsewhere: controls, zero-width, filling and direction characters, variation
 * selectors, tags, the byte-order mark, annotations. */
static const struct {
    uint32_t first, last;
} HIDDEN[] = {
    {0x00, 0x09},     {0x0b, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},
    {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
    {0x2800, 0x2800}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
    {0xe0000, 0xe0fff},
};

/* One character of UTF-8 as jansson lets it through; its octets in *size. */
static uint32_t character(const unsigned char *at, size_t *size) {
    uint32_t value = at[0] < 0x80 ? at[0] : at[0] < 0xe0 ? at[0] & 0x1f : at[0] < 0xf0 ? at[0] & 0x0f : at[0] & 0x07;
    for (*size = 1; (at[*size] & 0xc0) == 0x80; ++*size) value = value << 6 | (at[*size] & 0x3f);
    return value;
}

static bool is_hidden(uint32_t value) {
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++)
        if (value >= HIDDEN[i].first && value <= HIDDEN[i].last) return true;
    return false;
}

static void add(struct bytes *to, const char *text) { bytes_append(to, text, strlen(text)); }

static char *safe_of(const char *text, size_t most) {
    struct bytes made = bytes_copy("", 0);
    for (size_t size, left = most; *text && left; text += size, left--) {
        if (is_hidden(character((const unsigned char *)text, &size))) add(&made, "\xef\xbf\xbd");
        else bytes_append(&made, text, size);
    }
    if (*text) add(&made, "…");
    return (char *)made.data;
}

/* The wide ones of the scripts that are shown here; a narrow one taken for wide only makes a line shorter. */
static size_t columns(uint32_t value) { return value < 0x1100 ? 1 : 2; }

static void add_wrapped(struct bytes *to, const char *at, const char *end) {
    size_t size, used = 0;
    for (; at < end; at += size) {
        const size_t wide = columns(character((const unsigned char *)at, &size));
        if (used + wide > COLUMNS) {
            add(to, "\n" GOES_ON);
            used = 0;
        }
        bytes_append(to, at, size);
        used += wide;
    }
}

char *quote_name(const char *text, size_t most) {
    struct bytes made = bytes_copy("", 0);
    char *safe = safe_of(text, most);
    for (char *at = safe; *at; at++)
        if (*at == '\n') *at = ' ';
    add_wrapped(&made, safe, safe + strlen(safe));
    free(safe);
    return (char *)made.data;
}

static bool is_empty(const char *at, const char *end) {
    static const char *const SPACES[] = {" ", "\xc2\xa0", "\xe3\x80\x80"};
    while (at < end) {
        size_t size = 0;
        for (size_t i = 0; !size && i < sizeof SPACES / sizeof *SPACES; i++)
            if (!strncmp(at, SPACES[i], strlen(SPACES[i]))) size = strlen(SPACES[i]);
        if (!size) return false;
        at += size;
    }
    return true;
}

static void add_count_of_empty(struct bytes *to, unsigned count) {
    char told[64];
    snprintf(told, sizeof told, "（此处还有 %u 个空行）\n", count);
    if (count) add(to, told);
}

char *quote_lines(const char *text, size_t most) {
    struct bytes made = bytes_copy("", 0);
    char *safe = safe_of(text, most);
    unsigned empty = 0;
    for (const char *at = safe, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, "\n");
        const bool is_one = is_empty(at, end);
        if (is_one && ++empty > MOST_EMPTY_LINES) continue;
        if (!is_one) {
            add_count_of_empty(&made, empty > MOST_EMPTY_LINES ? empty - MOST_EMPTY_LINES : 0);
            empty = 0;
        }
        add(&made, MARK);
        add_wrapped(&made, at, end);
        add(&made, "\n");
    }
    add_count_of_empty(&made, empty > MOST_EMPTY_LINES ? empty - MOST_EMPTY_LINES : 0);
    made.data[--made.size] = 0; /* the last end of a line */
    free(safe);
    return (char *)made.data;
}
