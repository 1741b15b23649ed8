/* What each message does, in the thread of its job: windows, then the token. */
#ifndef AGENT_REQUESTS_H
#define AGENT_REQUESTS_H

#include "jobs.h"

struct kind {
    const char *type;
    const char *required, *optional; /* names of text fields, a blank after each; `unblock` alone is a truth value */
    uint32_t (*run)(struct job *job);
};

/* NULL for what is no message. */
const struct kind *kind_of(const char *type);

#endif
