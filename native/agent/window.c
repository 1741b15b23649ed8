#include "window.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "bytes.h"
#include "errors.h"
#include "pinentry.h"

#define PAGE 900 /* octets of a line to the window program */

/* Two windows at once could be taken for one another. */
static pthread_mutex_t only_one = PTHREAD_MUTEX_INITIALIZER;

static bool take_turn(const struct window *window) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += window->seconds;
    return pthread_mutex_timedlock(&only_one, &until) == 0;
}

#ifdef BANYAN_AGENT_TEST
/* Tests only: the PIN and, in a second line, the new one. The macro is not set in what users get. */
static uint32_t without_window(bool is_new, char pin[PIN_SIZE]) {
    FILE *file = fopen(getenv("BANYAN_AGENT_TEST_PIN"), "re");
    bool good = file && fgets(pin, PIN_SIZE, file) && (!is_new || fgets(pin, PIN_SIZE, file));
    if (file) fclose(file);
    if (good) pin[strcspn(pin, "\n")] = 0;
    return good ? SAR_OK : AGENT_CANCELLED;
}
#endif

static uint32_t ask_twice(struct pinentry *pinentry, const char *text, const char *error, char pin[PIN_SIZE]) {
    char again[PIN_SIZE];
    uint32_t code;
    for (;;) {
        code = pinentry_get(pinentry, text, error, "新 PIN", pin);
        if (code == SAR_OK) code = pinentry_get(pinentry, text, NULL, "再输一次", again);
        if (code != SAR_OK || !strcmp(pin, again)) break;
        error = "两次输入不一致，请重新输入。";
    }
    OPENSSL_cleanse(again, sizeof again);
    return code;
}

/* How much of the text is one page: pinentry programs take no line of more than 1,000 octets, the command and its escapes
 * included. Cut behind a line where there is one, else between two characters. */
static size_t page_size(const char *text) {
    size_t at = 0, line = 0;
    for (size_t used = 0; text[at];) {
        size_t next = at + 1;
        while ((text[next] & 0xc0) == 0x80) next++;
        const bool is_escaped = text[at] == '%' || text[at] == '\n' || text[at] == '\r';
        used += is_escaped ? 3 : next - at;
        if (used > PAGE) return line ? line : at;
        if (text[at] == '\n') line = next;
        at = next;
    }
    return at;
}

static unsigned pages_of(const char *text) {
    unsigned count = 0;
    do text += page_size(text), count++;
    while (*text);
    return count;
}

/* All pages but the last, which asks; *rest is that one. Somebody who mistyped has seen them. */
static uint32_t show_pages(struct pinentry *pinentry, const char *text, bool is_again, char **rest) {
    const unsigned count = pages_of(text);
    for (unsigned number = 1;; number++) {
        const size_t size = page_size(text);
        char *page = must_have(malloc(size + 100));
        const int head = count > 1 ? sprintf(page, "（第 %u 页，共 %u 页）\n", number, count) : 0;
        memcpy(page + head, text, size);
        page[(size_t)head + size] = 0;
        *rest = page;
        text += size;
        if (!*text) return SAR_OK;
        const uint32_t code = is_again ? SAR_OK : pinentry_show(pinentry, page);
        if (code != SAR_OK) return code;
        free(page);
    }
}

static uint32_t converse(struct pinentry *pinentry, bool is_new, const char *text, const char *error,
                         char pin[PIN_SIZE]) {
    char *page;
    uint32_t code = show_pages(pinentry, text, error != NULL, &page);
    if (code == SAR_OK)
        code = is_new ? ask_twice(pinentry, page, error, pin) : pinentry_get(pinentry, page, error, "PIN", pin);
    free(page);
    return code;
}

static uint32_t ask(struct window *window, bool is_new, const char *text, const char *error, char pin[PIN_SIZE]) {
    struct pinentry pinentry;
    const double began = now_ms();
    uint32_t code = AGENT_BUSY;
#ifdef BANYAN_AGENT_TEST
    if (getenv("BANYAN_AGENT_TEST_PIN")) return without_window(is_new, pin);
#endif
    if (take_turn(window)) {
        code = AGENT_WINDOW;
        if (pinentry_start(&pinentry, window->program, window->seconds, window->is_over)) {
            code = converse(&pinentry, is_new, text, error, pin);
            pinentry_end(&pinentry);
        }
        pthread_mutex_unlock(&only_one);
    }
    window->spent_ms += now_ms() - began;
    return code;
}

uint32_t window_pin(struct window *window, const char *text, const char *error, char pin[PIN_SIZE]) {
    return ask(window, false, text, error, pin);
}

uint32_t window_new_pin(struct window *window, const char *text, const char *error, char pin[PIN_SIZE]) {
    return ask(window, true, text, error, pin);
}

/* The length of the UTF-8 character at `at` when it may not be shown as it is: C0 and C1 controls, DEL, zero-width and
 * direction characters, line and paragraph separators, the byte-order mark. */
static size_t hidden(const unsigned char *at) {
    if ((at[0] < 0x20 && at[0] != '\n') || at[0] == 0x7f) return 1;
    if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) return 2;
    if (at[0] == 0xd8 && at[1] == 0x9c) return 2;                                       /* U+061C */
    if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0x8b && at[2] <= 0x8f) return 3;     /* U+200B to 200F */
    if (at[0] == 0xe2 && at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) return 3;     /* U+2028 to 202E */
    if (at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf) return 3;     /* U+2060 to 206F */
    if (at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf) return 3;                      /* U+FEFF */
    return 0;
}

char *window_safe(const char *text, size_t most) {
    struct bytes made = bytes_copy("", 0);
    const unsigned char *at = (const unsigned char *)text;
    for (size_t left = most; *at && left; left--) {
        const size_t skipped = hidden(at);
        size_t size = skipped ? skipped : 1;
        while (!skipped && (at[size] & 0xc0) == 0x80) size++; /* the rest of the character */
        bytes_append(&made, skipped ? "\xef\xbf\xbd" : (const char *)at, skipped ? 3 : size);
        at += size;
    }
    if (*at) bytes_append(&made, "…", 3);
    return (char *)made.data;
}
