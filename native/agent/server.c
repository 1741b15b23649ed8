#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include <libwebsockets.h>
#include <openssl/ssl.h>

#include "caller.h"
#include "connection.h"
#include "errors.h"
#include "jobs.h"
#include "localhost_certificate.h"
#include "messages.h"
#include "peer.h"
#include "ready.h"
#include "worker_pool.h"

#define MOST_CONNECTIONS 64
#define MOST_OF_AN_ORIGIN 24 /* connections: one site's pages leave room for those of others */
#define HEADERS 1024

static struct agent *serving;
static struct lws_context *context;
static volatile sig_atomic_t is_ending;
static bool is_to_start_again;
static int connected;

static void wake(void) { lws_cancel_service(context); }

static void stop(int number) {
    (void)number;
    is_ending = 1;
}

/* What a page of an allowed origin may read; Private Network Access asks in the preflight. */
static int write_headers(struct lws *wsi, const char *origin, int status, const char *type, size_t size,
                         bool is_preflight) {
    const struct {
        const char *name, *value;
    } headers[] = {
        {"access-control-allow-origin:", origin},
        {"vary:", "Origin"},
        {"cache-control:", "no-store"},
        {"x-content-type-options:", "nosniff"},
        {"access-control-allow-methods:", is_preflight ? "POST" : NULL},
        {"access-control-allow-headers:", is_preflight ? "content-type" : NULL},
        {"access-control-allow-private-network:", is_preflight ? "true" : NULL},
        {"access-control-max-age:", is_preflight ? "600" : NULL},
    };
    uint8_t room[LWS_PRE + HEADERS], *start = room + LWS_PRE, *at = start, *end = room + sizeof room - 1;
    if (lws_add_http_common_headers(wsi, (unsigned)status, type, size, &at, end)) return 1;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (headers[i].value && lws_add_http_header_by_name(wsi, (const uint8_t *)headers[i].name,
                                                            (const uint8_t *)headers[i].value,
                                                            (int)strlen(headers[i].value), &at, end))
            return 1;
    return lws_finalize_write_http_header(wsi, start, &at, end);
}

static int refuse(struct lws *wsi, unsigned status) {
    lws_return_http_status(wsi, status, NULL);
    return -1;
}

static int question_by_http(struct lws *wsi) {
    char origin[LONGEST_ORIGIN];
    size_t size;
    const int method = caller_method(wsi);
    if (!caller_means_us(wsi, serving->settings.port)) return refuse(wsi, HTTP_STATUS_FORBIDDEN);
    if (!caller_origin(wsi, &serving->settings, origin)) return refuse(wsi, HTTP_STATUS_FORBIDDEN);
    if (!caller_asks_root(wsi)) return refuse(wsi, HTTP_STATUS_NOT_FOUND);
    if (method == LWSHUMETH_OPTIONS) {
        if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH)) return refuse(wsi, HTTP_STATUS_BAD_REQUEST);
        if (write_headers(wsi, origin, HTTP_STATUS_NO_CONTENT, NULL, LWS_ILLEGAL_HTTP_CONTENT_LEN, true)) return -1;
        return lws_http_transaction_completed(wsi) ? -1 : 0;
    }
    if (method != LWSHUMETH_POST) return refuse(wsi, HTTP_STATUS_METHOD_NOT_ALLOWED);
    /* A type that needs a preflight: a form of another page cannot send it. */
    if (!caller_sends_json(wsi)) return refuse(wsi, 415);
    const enum length length = caller_length(wsi, &size);
    if (length == LENGTH_MISSING) return refuse(wsi, 411);
    if (length == LENGTH_MALFORMED) return refuse(wsi, HTTP_STATUS_BAD_REQUEST);
    if (size > MOST_BYTES) return refuse(wsi, 413);
    if (connections_of(origin) >= MOST_OF_AN_ORIGIN) return refuse(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE);
    connection_new(wsi, false, origin);
    return 0;
}

/* A whole question has come. By POST it is the only one of its connection until it is answered: whatever comes after it,
 * libwebsockets tells as the same end again, without coming to the answer. */
static int take_question(struct connection *connection) {
    if (!connection || connection->has_asked) return -1;
    connection->has_asked = !connection->is_websocket;
    char *answer = message_receive(serving, connection->id, connection->is_websocket ? connection->id : 0,
                                   connection->origin, (char *)connection->question.data, connection->question.size);
    bytes_free(&connection->question);
    if (answer) connection_answer(connection, answer);
    else if (!connection->is_websocket) lws_set_timeout(connection->wsi, NO_PENDING_TIMEOUT, 0); /* a person may think */
    return 0;
}

static int answer_by_http(struct lws *wsi) {
    struct connection *connection = connection_of(wsi);
    struct answer *answer = connection ? connection_next_answer(connection) : NULL;
    if (!answer) return 0;
    const bool failed =
        write_headers(wsi, connection->origin, HTTP_STATUS_OK, "application/json", answer->size, false) ||
        lws_write(wsi, (unsigned char *)answer->text + LWS_PRE, answer->size, LWS_WRITE_HTTP_FINAL) < 0;
    answer_free(answer);
    connection_free(connection);
    return failed || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int answer_by_websocket(struct lws *wsi) {
    struct connection *connection = connection_of(wsi);
    struct answer *answer = connection ? connection_next_answer(connection) : NULL;
    if (!answer) return 0;
    const int written = lws_write(wsi, (unsigned char *)answer->text + LWS_PRE, answer->size, LWS_WRITE_TEXT);
    answer_free(answer);
    if (connection->answers) lws_callback_on_writable(wsi);
    return written < 0 ? -1 : 0;
}

static int close_with(struct lws *wsi, enum lws_close_status status) {
    lws_close_reason(wsi, status, NULL, 0);
    return -1;
}

static int piece_by_websocket(struct lws *wsi, const void *data, size_t size) {
    struct connection *connection = connection_of(wsi);
    if (!connection) return -1;
    if (lws_frame_is_binary(wsi)) return close_with(wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE);
    if (connection->question.size + size > MOST_BYTES) return close_with(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
    bytes_append(&connection->question, data, size);
    return lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi) ? take_question(connection) : 0;
}

static int piece_by_http(struct lws *wsi, const void *data, size_t size) {
    struct connection *connection = connection_of(wsi);
    if (!connection || connection->has_asked || connection->question.size + size > MOST_BYTES) return -1;
    bytes_append(&connection->question, data, size);
    return 0;
}

static int handshake(struct lws *wsi) {
    char origin[LONGEST_ORIGIN];
    if (!caller_means_us(wsi, serving->settings.port) || !caller_origin(wsi, &serving->settings, origin)) return -1;
    if (connections_of(origin) >= MOST_OF_AN_ORIGIN) return -1;
    return caller_method(wsi) == LWSHUMETH_GET && caller_asks_root(wsi) ? 0 : -1;
}

/* The library would go over to HTTP/2 for whoever asks, before anybody looked at host and origin. */
static int upgrade(const char *to) { return strcasecmp(to, "websocket") == 0 ? 0 : -1; }

static void collect(void) {
    for (struct job *job; (job = jobs_finished());) {
        struct connection *connection = connection_named(job->connection);
        if (connection) connection_answer(connection, message_answer(job));
        job_free(job);
    }
}

/* The clock was set, or this has run for years: the next start makes a certificate that serves. */
static bool has_certificate_in_time(void) {
    if (localhost_certificate_serves(serving->identity.tls)) return true;
    is_ending = is_to_start_again = 1;
    return false;
}

static bool may_connect(int socket) {
    return connected < MOST_CONNECTIONS && has_certificate_in_time() && peer_is_ours(socket);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
    struct connection *connection;
    char origin[LONGEST_ORIGIN];
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION: return !may_connect((int)(intptr_t)in);
    case LWS_CALLBACK_WSI_CREATE: connected++; return 0;
    case LWS_CALLBACK_WSI_DESTROY: connected--; return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: collect(); return 0;
    case LWS_CALLBACK_HTTP: return question_by_http(wsi);
    case LWS_CALLBACK_HTTP_BODY: return piece_by_http(wsi, in, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return take_question(connection_of(wsi));
    case LWS_CALLBACK_HTTP_WRITEABLE: return answer_by_http(wsi);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return upgrade(in);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return handshake(wsi);
    case LWS_CALLBACK_ESTABLISHED:
        if (!caller_origin(wsi, &serving->settings, origin)) return -1;
        connection_new(wsi, true, origin);
        return 0;
    case LWS_CALLBACK_RECEIVE: return piece_by_websocket(wsi, in, size);
    case LWS_CALLBACK_SERVER_WRITEABLE: return answer_by_websocket(wsi);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
        if ((connection = connection_of(wsi))) connection_free(connection);
        return 0;
    default: return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
}

static const struct lws_protocols PROTOCOLS[] = {
    {"banyan-agent", callback, 0, 16 * 1024, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static bool listen_on(const char *address, const char *name, uint64_t options) {
    struct lws_context_creation_info info = {
        .port = serving->settings.port,
        .iface = address,
        .vhost_name = name,
        .protocols = PROTOCOLS,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | options,
        .ssl_cert_filepath = serving->identity.tls,
        .ssl_private_key_filepath = serving->identity.tls,
        .ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1,
        .alpn = "http/1.1",
        .timeout_secs = 15,
        .keepalive_timeout = 30,
    };
    return lws_create_vhost(context, &info) != NULL;
}

/* Nothing of a request is written down: questions carry what is signed. */
static void log_line(int level, const char *line) {
    if (level & LLL_ERR) fprintf(stderr, "banyan-agent: %s", line);
}

int server_run(struct agent *agent) {
    const struct sigaction ending = {.sa_handler = stop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .fd_limit_per_thread = MOST_CONNECTIONS + 32,
    };
    serving = agent;
    lws_set_log_level(LLL_ERR, log_line);
    context = lws_create_context(&info);
    if (!context) return EXIT_FAILURE;
    jobs_init(wake);
    if (!listen_on("127.0.0.1", "loopback-4", LWS_SERVER_OPTION_DISABLE_IPV6)) {
        fprintf(stderr, "banyan-agent: port %d of 127.0.0.1 is in use\n", agent->settings.port);
        lws_context_destroy(context);
        return EXIT_FAILURE;
    }
    /* Where there is no IPv6 there is no ::1. */
    listen_on("::1", "loopback-6", LWS_SERVER_OPTION_IPV6_V6ONLY_MODIFY | LWS_SERVER_OPTION_IPV6_V6ONLY_VALUE);
    sigaction(SIGTERM, &ending, NULL);
    sigaction(SIGINT, &ending, NULL);
    ready_tell();
    while (!is_ending && lws_service(context, 0) >= 0) {}
    if (!jobs_end()) { /* a library that hangs; what its thread still uses must not be freed */
        pool_kill();
        _exit(EXIT_SUCCESS);
    }
    lws_context_destroy(context);
    if (is_to_start_again) fputs("banyan-agent: its certificate does not serve any more; start it again\n", stderr);
    return is_to_start_again ? EX_TEMPFAIL : EXIT_SUCCESS;
}
