#include "connection.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "jobs.h"

#define MOST_UNREAD (1024 * 1024) /* octets of answers that wait for a page to read; one may be larger */

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
    for (struct answer *answer; (answer = connection_next_answer(connection));) answer_free(answer);
    lws_set_opaque_user_data(connection->wsi, NULL);
    bytes_free(&connection->question);
    free(connection);
}

unsigned connections_of(const char *origin) {
    unsigned found = 0;
    for (const struct connection *one = all; one; one = one->next) found += !strcmp(one->origin, origin);
    return found;
}

/* What waits before this one; where it goes in *end. */
static size_t unread(struct connection *connection, struct answer ***end) {
    size_t waiting = 0;
    for (*end = &connection->answers; **end; *end = &(**end)->next) waiting += (**end)->size;
    return waiting;
}

void connection_answer(struct connection *connection, char *text) {
    const size_t size = strlen(text);
    struct answer **last;
    const size_t waiting = unread(connection, &last);
    if (waiting && waiting + size > MOST_UNREAD)
        lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    else {
        struct answer *made = must_have(calloc(1, sizeof *made + LWS_PRE + size + 1));
        made->size = size;
        memcpy(made->text + LWS_PRE, text, size);
        *last = made;
        lws_callback_on_writable(connection->wsi);
    }
    OPENSSL_cleanse(text, size);
    free(text);
}

void answer_free(struct answer *answer) {
    OPENSSL_cleanse(answer->text, LWS_PRE + answer->size);
    free(answer);
}

struct answer *connection_next_answer(struct connection *connection) {
    struct answer *first = connection->answers;
    if (first) connection->answers = first->next;
    return first;
}
