#include "pinentry.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "bytes.h"
#include "errors.h"

#define LOOK_MS 200 /* how often it is looked whether anybody still waits */
#define CLOSING_MS 500

extern char **environ;

static bool send_line(struct pinentry *pinentry, const char *line) {
    const size_t size = strlen(line);
    return send(pinentry->to, line, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Without its end; "" when the program is gone, or time or whoever asked is. */
static void receive_line(struct pinentry *pinentry, double until, char line[sizeof pinentry->read]) {
    char *end;
    line[0] = 0;
    while (!(end = memchr(pinentry->read, '\n', pinentry->filled))) {
        struct pollfd waiting = {pinentry->from, POLLIN, 0};
        if (now_ms() > until || atomic_load(pinentry->is_over) || pinentry->filled == sizeof pinentry->read) return;
        const int ready = poll(&waiting, 1, LOOK_MS);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        const ssize_t got =
            read(pinentry->from, pinentry->read + pinentry->filled, sizeof pinentry->read - pinentry->filled);
        if (got <= 0) return;
        pinentry->filled += (size_t)got;
    }
    const size_t size = (size_t)(end - pinentry->read);
    memcpy(line, pinentry->read, size);
    line[size] = 0;
    pinentry->filled -= size + 1;
    memmove(pinentry->read, end + 1, pinentry->filled);
    OPENSSL_cleanse(pinentry->read + pinentry->filled, sizeof pinentry->read - pinentry->filled);
}

/* In data lines %, CR and LF are escaped. False when it does not fit. */
static bool unescape(const char *from, char pin[PIN_SIZE]) {
    size_t size = 0;
    for (; *from; from++) {
        unsigned value = (unsigned char)*from;
        if (value == '%') {
            if (sscanf(from + 1, "%2x", &value) != 1 || !value || !from[1] || !from[2]) return false;
            from += 2;
        }
        if (size + 1 == PIN_SIZE) return false;
        pin[size++] = (char)value;
    }
    pin[size] = 0;
    return true;
}

/* Waits for OK; a data line on the way is the PIN. AGENT_WINDOW for ERR or silence, AGENT_CANCELLED when a person did it. */
static uint32_t finish(struct pinentry *pinentry, char *pin) {
    const double until = now_ms() + pinentry->seconds * 1000.0;
    char line[sizeof pinentry->read];
    uint32_t code = AGENT_WINDOW;
    for (;;) {
        receive_line(pinentry, until, line);
        if (!strncmp(line, "OK", 2)) code = SAR_OK;
        else if (!strncmp(line, "D ", 2) && pin) {
            if (unescape(line + 2, pin)) continue;
            code = AGENT_CANCELLED;
        } else if (*line && strncmp(line, "ERR", 3) != 0) continue; /* status and comment lines */
        else if (pin) code = AGENT_CANCELLED;
        break;
    }
    OPENSSL_cleanse(line, sizeof line);
    return code;
}

static uint32_t say(struct pinentry *pinentry, const char *command, const char *argument) {
    struct bytes line = bytes_copy(command, strlen(command));
    bytes_append(&line, " ", 1);
    for (const char *at = argument; *at; at++) {
        char escaped[4];
        snprintf(escaped, sizeof escaped, "%%%02X", (unsigned char)*at);
        const bool is_special = *at == '%' || *at == '\n' || *at == '\r';
        bytes_append(&line, is_special ? escaped : at, is_special ? 3 : 1);
    }
    bytes_append(&line, "\n", 1);
    const bool sent = send_line(pinentry, (char *)line.data);
    bytes_free(&line);
    return sent ? finish(pinentry, NULL) : AGENT_WINDOW;
}

bool pinentry_start(struct pinentry *pinentry, const char *program, int seconds, const atomic_bool *is_over) {
    char *const arguments[] = {(char *)program, NULL};
    posix_spawn_file_actions_t actions;
    int pair[2];
    *pinentry = (struct pinentry){.seconds = seconds, .is_over = is_over};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO);
    const bool is_started = posix_spawnp(&pinentry->pid, program, &actions, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(pair[1]);
    pinentry->to = pinentry->from = pair[0];
    if (!is_started) pinentry->pid = 0;
    if (is_started && finish(pinentry, NULL) == SAR_OK) {
        /* What a program does not know it answers with ERR; none of these is needed. */
        const char *terminal = getenv("GPG_TTY");
        char option[300];
        say(pinentry, "OPTION", "lc-ctype=zh_CN.UTF-8");
        snprintf(option, sizeof option, "ttyname=%s", terminal ? terminal : "");
        if (terminal) say(pinentry, "OPTION", option);
        say(pinentry, "SETTITLE", "榕证介质助手");
        say(pinentry, "SETCANCEL", "取消");
        return true;
    }
    pinentry_end(pinentry);
    return false;
}

/* A window that does not show what it is for must not ask. */
static bool describe(struct pinentry *pinentry, const char *text, const char *button) {
    return say(pinentry, "SETDESC", text) == SAR_OK && say(pinentry, "SETOK", button) == SAR_OK;
}

uint32_t pinentry_show(struct pinentry *pinentry, const char *text) {
    if (!describe(pinentry, text, "下一页") || !send_line(pinentry, "CONFIRM\n")) return AGENT_WINDOW;
    return finish(pinentry, NULL) == SAR_OK ? SAR_OK : AGENT_CANCELLED;
}

uint32_t pinentry_get(struct pinentry *pinentry, const char *text, const char *error, const char *prompt,
                      char pin[PIN_SIZE]) {
    pin[0] = 0;
    if (!describe(pinentry, text, "确定") || say(pinentry, "SETPROMPT", prompt) != SAR_OK) return AGENT_WINDOW;
    if (error) say(pinentry, "SETERROR", error);
    if (!send_line(pinentry, "GETPIN\n")) return AGENT_WINDOW;
    const uint32_t code = finish(pinentry, pin);
    return code == SAR_OK && !*pin ? AGENT_CANCELLED : code;
}

void pinentry_end(struct pinentry *pinentry) {
    OPENSSL_cleanse(pinentry->read, sizeof pinentry->read);
    if (pinentry->pid) {
        const double until = now_ms() + CLOSING_MS;
        send_line(pinentry, "BYE\n");
        shutdown(pinentry->to, SHUT_WR);
        while (waitpid(pinentry->pid, NULL, WNOHANG) == 0) {
            if (now_ms() > until || atomic_load(pinentry->is_over)) {
                kill(pinentry->pid, SIGKILL);
                waitpid(pinentry->pid, NULL, 0);
                break;
            }
            usleep(1000);
        }
    }
    close(pinentry->to);
}
