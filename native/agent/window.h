/* The agent's own window, by the desktop's pinentry program (Assuan). One at a time. */
#ifndef AGENT_WINDOW_H
#define AGENT_WINDOW_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PIN_SIZE 64

struct window {
    const char *program;
    int seconds;               /* how long it stays open */
    const atomic_bool *is_over; /* whoever asked is gone: close it */
    double spent_ms;           /* waiting for the person, and for the window before */
};

/* `error` NULL or what was wrong with the last try. AGENT_CANCELLED, AGENT_WINDOW, AGENT_BUSY. */
uint32_t window_pin(struct window *window, const char *text, const char *error, char pin[PIN_SIZE]);

/* A PIN of the person's choice, asked twice. */
uint32_t window_new_pin(struct window *window, const char *text, const char *error, char pin[PIN_SIZE]);

/* Text of others as a window may show it: no control and direction characters, at most `most` characters. The
 * caller frees. */
char *window_safe(const char *text, size_t most);

#endif
