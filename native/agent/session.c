#include "session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "bytes.h"
#include "errors.h"

#define MOST_SESSIONS 64
#define MOST_OF_AN_ORIGIN 24
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

static unsigned count_of(const char *origin) {
    unsigned found = 0;
    for (size_t i = 0; i < MOST_SESSIONS; i++) found += *sessions[i].text && !strcmp(sessions[i].origin, origin);
    return found;
}

/* Whoever has its share, or the largest one when all places are taken, gives up its oldest: no site ends another's. */
static struct session *place_for(const char *origin) {
    const bool has_its_share = count_of(origin) >= MOST_OF_AN_ORIGIN;
    struct session *found = NULL;
    unsigned largest = 0;
    for (size_t i = 0; i < MOST_SESSIONS; i++) {
        struct session *one = &sessions[i];
        if (!*one->text && !has_its_share) return one;
        if (!*one->text || (has_its_share && strcmp(one->origin, origin) != 0)) continue;
        const unsigned share = count_of(one->origin);
        if (found && (share < largest || (share == largest && one->last_used >= found->last_used))) continue;
        largest = share;
        found = one;
    }
    return found;
}

struct session *session_open(const char *origin, uint64_t connection) {
    if (strlen(origin) >= LONGEST_ORIGIN) return NULL;
    for (size_t i = 0; i < MOST_SESSIONS; i++) {
        if (*sessions[i].text && is_idle(&sessions[i])) end(&sessions[i]);
        /* A connection has one session: hello again begins anew. */
        if (*sessions[i].text && connection && sessions[i].connection == connection) end(&sessions[i]);
    }
    struct session *made = place_for(origin);
    end(made);
    random_hex(made->text, SESSION_NAME);
    random_hex(made->text + SESSION_NAME, SESSION_SECRET);
    strcpy(made->origin, origin);
    made->connection = connection;
    made->last_used = now_ms();
    return made;
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
