#include "session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "bytes.h"
#include "errors.h"

#define MOST_SESSIONS 64
#define IDLE_MS (10 * 60 * 1000.0)
#define TASK_MS (10 * 60 * 1000.0)

static struct session sessions[MOST_SESSIONS];

static void end(struct session *session) { OPENSSL_cleanse(session, sizeof *session); }

static void random_hex(char *to, size_t digits) {
    uint8_t octets[SESSION_SECRET / 2];
    if (RAND_bytes(octets, (int)digits / 2) != 1) abort();
    hex_of(octets, digits / 2, to);
    OPENSSL_cleanse(octets, sizeof octets);
}

static bool is_idle(const struct session *session) { return now_ms() - session->last_used > IDLE_MS; }

struct session *session_open(const char *origin, uint64_t connection) {
    struct session *free_one = &sessions[0];
    if (strlen(origin) >= LONGEST_ORIGIN) return NULL;
    for (size_t i = 0; i < MOST_SESSIONS; i++) {
        if (*sessions[i].text && is_idle(&sessions[i])) end(&sessions[i]);
        /* A connection has one session: hello again begins anew. */
        if (*sessions[i].text && connection && sessions[i].connection == connection) end(&sessions[i]);
        if (sessions[i].last_used < free_one->last_used) free_one = &sessions[i];
    }
    end(free_one);
    random_hex(free_one->text, SESSION_NAME);
    random_hex(free_one->text + SESSION_NAME, SESSION_SECRET);
    strcpy(free_one->origin, origin);
    free_one->connection = connection;
    free_one->last_used = now_ms();
    return free_one;
}

static struct session *named(const char *text) {
    if (strlen(text) != SESSION_TEXT) return NULL;
    for (size_t i = 0; i < MOST_SESSIONS; i++)
        if (*sessions[i].text && !strncmp(sessions[i].text, text, SESSION_NAME)) return &sessions[i];
    return NULL;
}

struct session *session_find(const char *text, const char *origin, uint64_t connection, json_int_t number,
                             uint32_t *why) {
    struct session *found = named(text);
    *why = AGENT_SESSION;
    /* Who comes from elsewhere learns nothing and ends nothing. */
    if (!found || strcmp(found->origin, origin) != 0 || found->connection != connection) return NULL;
    const bool is_proved = CRYPTO_memcmp(found->text, text, SESSION_TEXT) == 0;
    /* By POST, a text that was good once is in two hands: neither keeps it. */
    if (!is_proved || is_idle(found)) {
        if (!connection || is_proved) end(found);
        return NULL;
    }
    found->last_used = now_ms();
    if (!connection) random_hex(found->text + SESSION_NAME, SESSION_SECRET);
    *why = number > found->number ? SAR_OK : AGENT_REPLAYED;
    if (*why == SAR_OK) found->number = number;
    return found;
}

void session_close(uint64_t connection) {
    for (size_t i = 0; i < MOST_SESSIONS; i++)
        if (*sessions[i].text && sessions[i].connection == connection) end(&sessions[i]);
}

struct begun *session_begin(struct session *session, const char *profile, const char *serial, const char *task) {
    struct begun *to = &session->begun[0];
    if (strlen(profile) >= sizeof to->profile || strlen(serial) >= sizeof to->serial || strlen(task) >= sizeof to->task)
        return NULL;
    for (size_t i = 1; i < MOST_TASKS; i++)
        if (session->begun[i].until < to->until) to = &session->begun[i];
    *to = (struct begun){.until = now_ms() + TASK_MS};
    strcpy(to->profile, profile);
    strcpy(to->serial, serial);
    strcpy(to->task, task);
    if (RAND_bytes(to->nonce, NONCE) != 1) abort();
    return to;
}
