/* Agent and worker: objects over a socket, each with its length in front. */
#ifndef AGENT_CHANNEL_H
#define AGENT_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>

bool channel_send(int fd, const json_t *value);

/* NULL at the end of the channel, or when `until` (now_ms; 0: never) is past: then *is_late. */
json_t *channel_receive(int fd, double until, bool *is_late);

#endif
