/* Who is speaking: one page, of one origin. Used by the serving thread alone. */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define LONGEST_ORIGIN 256
#define SESSION_NAME 16   /* hexadecimal digits that find it */
#define SESSION_SECRET 64 /* hexadecimal digits that prove it */
#define SESSION_TEXT (SESSION_NAME + SESSION_SECRET)
#define MOST_TASKS 8
#define NONCE 32

/* What `begin` promised to accept. */
struct begun {
    char profile[64], serial[64], task[128];
    uint8_t nonce[NONCE];
    double until; /* 0: free */
    unsigned used; /* a bit a message */
};

struct session {
    char text[SESSION_TEXT + 1]; /* empty: free */
    char origin[LONGEST_ORIGIN];
    uint64_t connection; /* 0: by POST, then the text changes with each answer */
    json_int_t number;
    double last_used;
    struct begun begun[MOST_TASKS];
};

struct session *session_open(const char *origin, uint64_t connection);

/* The session that this text proves, and only for this origin and way in; `number` must be new. Otherwise NULL and why.
 * A session by POST has another text afterwards. */
struct session *session_find(const char *text, const char *origin, uint64_t connection, json_int_t number,
                             uint32_t *why);

/* The connection is gone. */
void session_close(uint64_t connection);

/* NULL when the fields are too long. The oldest one goes when there are too many. */
struct begun *session_begin(struct session *session, const char *profile, const char *serial, const char *task);

#endif
