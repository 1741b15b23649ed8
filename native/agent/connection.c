#include "connection.h"

#include <stdlib.h>
#include <string.h>

#include "jobs.h"

static struct connection *all;
static uint64_t last_id;

struct connection *connection_new(struct lws *wsi, bool is_websocket, const char *origin) {
    struct connection *made = must_have(calloc(1, sizeof *made));
    made->id = ++last_id;
    made->wsi = wsi;
    made->is_websocket = is_websocket;
    strcpy(made->origin, origin);
    made->next = all;
    all = made;
    lws_set_opaque_user_data(wsi, made);
    return made;
}

struct connection *connection_of(struct lws *wsi) { return lws_get_opaque_user_data(wsi); }

struct connection *connection_named(uint64_t id) {
    struct connection *found = all;
    while (found && found->id != id) found = found->next;
    return found;
}

void connection_free(struct connection *connection) {
    jobs_abandon(connection->id);
    if (connection->is_websocket) session_close(connection->id);
    for (struct connection **at = &all; *at; at = &(*at)->next)
        if (*at == connection) {
            *at = connection->next;
            break;
        }
    for (struct answer *answer; (answer = connection_next_answer(connection));) free(answer);
    lws_set_opaque_user_data(connection->wsi, NULL);
    bytes_free(&connection->question);
    free(connection);
}

void connection_answer(struct connection *connection, char *text) {
    const size_t size = strlen(text);
    struct answer *made = must_have(calloc(1, sizeof *made + LWS_PRE + size + 1));
    struct answer **last = &connection->answers;
    made->size = size;
    memcpy(made->text + LWS_PRE, text, size);
    while (*last) last = &(*last)->next;
    *last = made;
    free(text);
    lws_callback_on_writable(connection->wsi);
}

struct answer *connection_next_answer(struct connection *connection) {
    struct answer *first = connection->answers;
    if (first) connection->answers = first->next;
    return first;
}
