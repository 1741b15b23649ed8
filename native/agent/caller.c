#include "caller.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LONGEST_HOST 64

/* A header given twice comes joined, and then equals nothing that is allowed. */
static bool header(struct lws *wsi, enum lws_token_indexes which, char *to, size_t size) {
    const int length = lws_hdr_total_length(wsi, which);
    return length > 0 && (size_t)length < size && lws_hdr_copy(wsi, to, (int)size, which) == length;
}

bool caller_means_us(struct lws *wsi, int port) {
    static const char *const NAMES[] = {"localhost", "127.0.0.1", "[::1]"};
    char host[LONGEST_HOST], wanted[LONGEST_HOST];
    if (!header(wsi, WSI_TOKEN_HOST, host, sizeof host)) return false;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        snprintf(wanted, sizeof wanted, "%s:%d", NAMES[i], port);
        if (!strcmp(host, wanted)) return true;
    }
    return false;
}

bool caller_origin(struct lws *wsi, const struct settings *settings, char origin[LONGEST_ORIGIN]) {
    return header(wsi, WSI_TOKEN_ORIGIN, origin, LONGEST_ORIGIN) && settings_origin(settings, origin);
}

bool caller_sends_json(struct lws *wsi) {
    static const char JSON[] = "application/json";
    char type[100];
    if (!header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, type, sizeof type)) return false;
    return !strncasecmp(type, JSON, sizeof JSON - 1) && strchr("; ", type[sizeof JSON - 1]);
}

int caller_method(struct lws *wsi) {
    char *uri;
    int length;
    return lws_http_get_uri_and_method(wsi, &uri, &length);
}

bool caller_asks_root(struct lws *wsi) {
    char *uri;
    int length;
    if (lws_http_get_uri_and_method(wsi, &uri, &length) < 0) return false;
    /* Length, not text: behind a zero there could be more. What is behind a question mark stands elsewhere. */
    return length == 1 && *uri == '/' && !lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
}

enum length caller_length(struct lws *wsi, size_t *size) {
    char text[16];
    *size = SIZE_MAX;
    /* A body in chunks has no length before its end; with both, whoever reads the other one reads something else. */
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) ? LENGTH_MALFORMED : LENGTH_MISSING;
    if (!lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH)) return LENGTH_MISSING;
    if (!header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text)) return LENGTH_MALFORMED;
    const size_t digits = strspn(text, "0123456789");
    if (text[digits]) return LENGTH_MALFORMED;
    if (digits < 9) *size = (size_t)atoi(text);
    return *size ? LENGTH_KNOWN : LENGTH_MALFORMED;
}
