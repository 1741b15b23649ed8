/* Those who are connected: by WebSocket as long as it lasts, by POST for one question. Serving thread only. */
#ifndef AGENT_CONNECTION_H
#define AGENT_CONNECTION_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "bytes.h"
#include "session.h"

struct answer {
    struct answer *next;
    size_t size;
    char text[]; /* behind LWS_PRE octets of room */
};

struct connection {
    uint64_t id;
    struct lws *wsi;
    bool is_websocket;
    bool has_asked; /* by POST: nothing more is taken */
    char origin[LONGEST_ORIGIN];
    struct bytes question; /* as far as it has come */
    struct answer *answers;
    struct connection *next;
};

struct connection *connection_new(struct lws *wsi, bool is_websocket, const char *origin);
struct connection *connection_of(struct lws *wsi);
struct connection *connection_named(uint64_t id);

/* Also ends what is under way for it. */
void connection_free(struct connection *connection);

/* How many pages of an origin are connected. */
unsigned connections_of(const char *origin);

/* Takes the text over; it is written when the socket is ready. Who does not read what was asked for is cut off. */
void connection_answer(struct connection *connection, char *text);

/* The first answer, the caller's. */
struct answer *connection_next_answer(struct connection *connection);

/* Wiped: what was opened for the holder may be in it. */
void answer_free(struct answer *answer);

#endif
