#include "channel.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json.h"

#define LONGEST (8u << 20)

static bool send_all(int fd, const void *data, size_t size) {
    const uint8_t *at = data;
    while (size) {
        const ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool channel_send(int fd, const json_t *value) {
    char *text = json_line(value);
    const uint32_t size = (uint32_t)strlen(text);
    const bool good = send_all(fd, &size, sizeof size) && send_all(fd, text, size);
    json_text_free(text);
    return good;
}

static bool receive_all(int fd, void *data, size_t size, double until, bool *is_late) {
    uint8_t *at = data;
    while (size) {
        struct pollfd waiting = {fd, POLLIN, 0};
        const double rest = until ? until - now_ms() : 0;
        const int ready = until && rest <= 0 ? 0 : poll(&waiting, 1, until ? (int)rest + 1 : -1);
        if (ready < 0 && errno == EINTR) continue;
        *is_late = ready == 0;
        if (ready <= 0) return false;
        const ssize_t got = recv(fd, at, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

json_t *channel_receive(int fd, double until, bool *is_late) {
    uint32_t size;
    json_t *value = NULL;
    *is_late = false;
    if (!receive_all(fd, &size, sizeof size, until, is_late) || size > LONGEST) return NULL;
    struct bytes text = {must_have(malloc(size + 1)), size};
    if (receive_all(fd, text.data, size, until, is_late)) value = json_object_of((char *)text.data, size);
    bytes_free(&text);
    return value;
}
