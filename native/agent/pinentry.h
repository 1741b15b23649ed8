/* The Assuan protocol as pinentry programs speak it. */
#ifndef AGENT_PINENTRY_H
#define AGENT_PINENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "window.h"

struct pinentry {
    pid_t pid;
    int to, from;
    int seconds;
    const atomic_bool *is_over;
    char read[2048]; /* what came and is not used yet; a PIN may be in it */
    size_t filled;
};

bool pinentry_start(struct pinentry *pinentry, const char *program, int seconds, const atomic_bool *is_over);
/* A page of text that the person turns or closes, no PIN. */
uint32_t pinentry_show(struct pinentry *pinentry, const char *text);
uint32_t pinentry_get(struct pinentry *pinentry, const char *text, const char *error, const char *prompt,
                      char pin[PIN_SIZE]);
void pinentry_end(struct pinentry *pinentry);

#endif
