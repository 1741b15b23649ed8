/* What the person reads. */
#ifndef AGENT_REQUEST_TEXT_H
#define AGENT_REQUEST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobs.h"

/* Who asks and for which token, as on every page of a window. The caller frees. */
char *request_who(const struct job *job);

/* What follows: the certificate (`seen`, or NULL), what for, tries left. The caller frees. */
char *request_text(const char *about, const json_t *seen, int tries_left);

/* What was wrong with the PIN just typed. */
void request_error_text(uint32_t code, int tries_left, char *to, size_t size);

/* Whether the person may simply type again. */
bool request_is_worth_another_try(uint32_t code);

/* The object of an answer's `error`. */
json_t *request_error(uint32_t code, int tries_left);

#endif
