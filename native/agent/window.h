/* The agent's own window, by the desktop's pinentry program (Assuan). One at a time. */
#ifndef AGENT_WINDOW_H
#define AGENT_WINDOW_H

#include <stdatomic.h>
#include <stdint.h>

#define PIN_SIZE 64

struct window {
    const char *program;
    int seconds;               /* how long it stays open */
    const atomic_bool *is_over; /* whoever asked is gone: close it */
    const char *who;           /* lines that stand on every page: the site, the token */
    double spent_ms;           /* waiting for the person, and for the window before */
};

/* The text follows on `who`. `error` NULL or what was wrong with the last try. AGENT_CANCELLED, AGENT_WINDOW, AGENT_BUSY. */
uint32_t window_pin(struct window *window, const char *text, const char *error, char pin[PIN_SIZE]);

/* A PIN of the person's choice, asked twice. */
uint32_t window_new_pin(struct window *window, const char *text, const char *error, char pin[PIN_SIZE]);

#endif
