#include "caller.h"

#include <stdio.h>
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
