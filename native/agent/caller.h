/* Who is at the other end of a connection, by what the browser says. */
#ifndef AGENT_CALLER_H
#define AGENT_CALLER_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "session.h"
#include "settings.h"

/* Whether the browser believes to be speaking to this machine: against names that were turned to 127.0.0.1. */
bool caller_means_us(struct lws *wsi, int port);

/* The allowed origin that the browser tells; false for any other and for none. */
bool caller_origin(struct lws *wsi, const struct settings *settings, char origin[LONGEST_ORIGIN]);

bool caller_sends_json(struct lws *wsi);

#endif
