/* Messages that take time: each in a thread of its own, a few at once. The serving thread starts and collects them. */
#ifndef AGENT_JOBS_H
#define AGENT_JOBS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent.h"
#include "session.h"
#include "window.h"

struct job {
    const struct agent *agent;
    uint64_t connection;
    char origin[LONGEST_ORIGIN];
    char session[SESSION_TEXT + 1]; /* for the answer */
    json_t *message;
    json_t *task; /* NULL, or what the platform sealed */
    uint32_t (*run)(struct job *job);
    /* filled by run */
    json_t *result;
    int tries_left;
    double library_ms;
    char *who; /* of the window */
    struct window window;
    uint32_t code;
    atomic_bool is_over; /* nobody waits any more */
    struct job *next;
};

struct job *job_new(const struct agent *agent, uint64_t connection, const char *origin, json_t *message);
void job_free(struct job *job);

/* `wake` is called, in whatever thread, when one has finished. */
void jobs_init(void (*wake)(void));

/* False when there are too many, or too many of its origin. */
bool jobs_start(struct job *job);

/* One that has finished, or NULL; the caller's from then on. */
struct job *jobs_finished(void);

void jobs_abandon(uint64_t connection);

/* Closes every window and waits a little; false when something is still running, and using what it was given. */
bool jobs_end(void);

/* How many are under way for a connection. */
unsigned jobs_of(uint64_t connection);

#endif
