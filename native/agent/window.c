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
            code = is_new ? ask_twice(&pinentry, text, error, pin) : pinentry_get(&pinentry, text, error, "PIN", pin);
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
