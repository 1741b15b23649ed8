/* Who is at the other end of a connection, by what the browser says. */
#ifndef AGENT_CALLER_H
#define AGENT_CALLER_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "session.h"
#include "settings.h"

/* Whether the browser believes to be speaking to this machine: against names that were turned to 127.0.0.1. */
bool caller_means_us(struct lws *wsi, int port);

/* The allowed origin that the browser tells; false for any other and for none. The library takes Sec-WebSocket-Origin for the
 * same header and does not tell which it was; no page can send it (Fetch: forbidden header names), and both are refused. */
bool caller_origin(struct lws *wsi, const struct settings *settings, char origin[LONGEST_ORIGIN]);

bool caller_sends_json(struct lws *wsi);

/* One of LWSHUMETH. */
int caller_method(struct lws *wsi);

/* Whether the path is "/" and nothing else. The library has already taken "." and ".." and empty parts out of it,
 * and what follows a zero at its end. */
bool caller_asks_root(struct lws *wsi);

enum length { LENGTH_KNOWN, LENGTH_MISSING, LENGTH_MALFORMED };

/* Of the body: digits that say more than nothing. */
enum length caller_length(struct lws *wsi, size_t *size);

#endif
