/* Workers: a process for each token and one for listing each vendor's; started when needed, killed when late. */
#ifndef AGENT_WORKER_POOL_H
#define AGENT_WORKER_POOL_H

#include <jansson.h>
#include <stdint.h>

struct outcome {
    uint32_t code;
    int tries_left; /* -1: not told */
    double library_ms;
    json_t *result; /* an object, the caller's */
};

/* `key` NULL: the worker for listing. `asked` goes to the worker as it is, with the profile added. Waits its turn. */
struct outcome pool_ask(const json_t *profile, const char *profile_name, const char *key, json_t *asked);

/* Ends all workers, when nobody waits for one. */
void pool_end(void);

/* Kills them under the hands of those who wait: right before the program's own end. */
void pool_kill(void);

#endif
