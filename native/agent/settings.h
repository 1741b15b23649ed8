/* What an installation sets, read once at the start. */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>

struct settings {
    int port;
    int window_seconds;
    char *pinentry;
    char *state; /* directory of the agent's own keys */
    json_t *origins;
    json_t *profiles;
};

/* False, with a line for the person at the terminal, when the file does not do. `path` NULL: the user's own file. */
bool settings_read(struct settings *settings, const char *path);

/* The entry of an allowed origin, NULL for any other: scheme, host and port must be equal to the letter. */
const json_t *settings_origin(const struct settings *settings, const char *origin);

void settings_free(struct settings *settings);

#endif
