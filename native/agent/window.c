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
#define LEAST_ROOM 300

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

/* Octets of a character in a line to the window program. */
static size_t escaped_size(const char *at, size_t size) {
    return *at == '%' || *at == '\n' || *at == '\r' ? 3 : size;
}

/* What `who` leaves of a page. */
static size_t room_beside(const char *who) {
    size_t used = 0;
    for (; *who; who++) used += escaped_size(who, 1);
    return used + LEAST_ROOM < PAGE ? PAGE - used : LEAST_ROOM;
}

/* How much of the text is one page: pinentry programs take no line of more than 1,000 octets, the command and its escapes
 * included. Cut behind a line where there is one, else between two characters. */
static size_t page_size(const char *text, size_t room) {
    size_t at = 0, line = 0;
    for (size_t used = 0; text[at];) {
        size_t next = at + 1;
        while ((text[next] & 0xc0) == 0x80) next++;
        used += escaped_size(text + at, next - at);
        if (used > room) return line ? line : at;
        if (text[at] == '\n') line = next;
        at = next;
    }
    return at;
}

static unsigned pages_of(const char *text, size_t room) {
    unsigned count = 0;
    do text += page_size(text, room), count++;
    while (*text);
    return count;
}

/* Its number, who asks, its piece of the text. A page that began with the text of others could be made to look like the
 * window of another site. */
static char *page_of(const char *who, const char *text, size_t size, unsigned number, unsigned count) {
    char *page = must_have(malloc(strlen(who) + size + 100));
    int head = count > 1 ? sprintf(page, "（第 %u 页，共 %u 页）\n", number, count) : 0;
    head += sprintf(page + head, "%s", who);
    memcpy(page + head, text, size);
    page[(size_t)head + size] = 0;
    return page;
}

/* All pages but the last, which asks; *rest is that one. Somebody who mistyped has seen them. */
static uint32_t show_pages(struct pinentry *pinentry, const char *who, const char *text, bool is_again, char **rest) {
    const size_t room = room_beside(who);
    const unsigned count = pages_of(text, room);
    for (unsigned number = 1;; number++) {
        const size_t size = page_size(text, room);
        *rest = page_of(who, text, size, number, count);
        text += size;
        if (!*text) return SAR_OK;
        const uint32_t code = is_again ? SAR_OK : pinentry_show(pinentry, *rest);
        if (code != SAR_OK) return code;
        free(*rest);
    }
}

static uint32_t converse(struct pinentry *pinentry, const char *who, bool is_new, const char *text, const char *error,
                         char pin[PIN_SIZE]) {
    char *page;
    uint32_t code = show_pages(pinentry, who, text, error != NULL, &page);
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
            code = converse(&pinentry, window->who, is_new, text, error, pin);
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
