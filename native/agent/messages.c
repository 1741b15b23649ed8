#include "messages.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "request_text.h"
#include "requests.h"
#include "task.h"

#define LONGEST_ID 64
#define LONGEST_CONTAINER 64
#define MOST_AT_ONCE 4 /* of one connection */
#define IN_ALL "v id type session number "

static char *answer(const char *id, const char *session, uint32_t code, int tries_left, json_t *result,
                    const struct job *job) {
    json_t *made = json_object();
    json_object_set_new(made, "v", json_integer(PROTOCOL));
    json_put_text(made, "id", id);
    json_object_set_new(made, "ok", json_boolean(code == SAR_OK));
    if (session) json_put_text(made, "session", session);
    if (code == SAR_OK) json_object_set(made, "result", result);
    else json_object_set_new(made, "error", request_error(code, tries_left));
    if (job) {
        json_object_set_new(made, "library_ms", json_real(job->library_ms));
        json_object_set_new(made, "window_ms", json_real(job->window.spent_ms));
    }
    char *text = json_line(made), *copy = must_have(strdup(text));
    json_text_free(text);
    json_decref(made);
    return copy;
}

char *message_fault(uint32_t code) { return answer("", NULL, code, -1, NULL, NULL); }

char *message_answer(const struct job *job) {
    return answer(json_text(job->message, "id"), job->session, job->code, job->tries_left, job->result, job);
}

static bool has_word(const char *words, const char *word) {
    const size_t size = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += size)
        if ((at == words || at[-1] == ' ') && at[size] == ' ') return true;
    return false;
}

/* Every field known and of its type, none missing. */
static bool has_right_fields(const json_t *message, const char *required, const char *optional) {
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)message, name, value) {
        if (*name && !strchr(name, ' ') && has_word(IN_ALL, name)) continue;
        if (!*name || strchr(name, ' ') || (!has_word(required, name) && !has_word(optional, name))) return false;
        if (!strcmp(name, "unblock") ? !json_is_boolean(value) : !json_is_string(value)) return false;
    }
    for (const char *at = required; *at; at = strchr(at, ' ') + 1) {
        char word[40] = "";
        memcpy(word, at, (size_t)(strchr(at, ' ') - at));
        if (!json_object_get(message, word)) return false;
    }
    return true;
}

/* Names end up in a vendor's library: nothing in them that one could trip over. */
static bool has_right_names(const json_t *message) {
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    static const char *const CONTAINERS[] = {"container", "signing_container", NULL};
    const char *serial = json_text(message, "serial");
    if (serial && (!*serial || strlen(serial) > 32)) return false;
    for (const char *const *field = CONTAINERS; *field; field++) {
        const char *name = json_text(message, *field);
        const size_t size = name ? strlen(name) : 1;
        if (size < 1 || size > LONGEST_CONTAINER || (name && strspn(name, ALPHABET) != size)) return false;
    }
    return true;
}

static char *hello(const struct agent *agent, const char *id, const char *origin, uint64_t socket,
                   const json_t *message) {
    if (json_object_get(message, "session") || json_object_get(message, "number") || !has_right_fields(message, "", ""))
        return answer(id, NULL, AGENT_MALFORMED, -1, NULL, NULL);
    const struct session *session = session_open(origin, socket);
    if (!session) return answer(id, NULL, AGENT_SESSION, -1, NULL, NULL);
    json_t *result = json_object(), *versions = json_array();
    json_array_append_new(versions, json_integer(PROTOCOL));
    json_put_text(result, "agent", "banyan-agent");
    json_put_text(result, "version", AGENT_RELEASE);
    json_object_set_new(result, "versions", versions);
    json_put_text(result, "session", session->text);
    json_put_text(result, "key_id", agent->identity.key_id);
    json_put_bytes(result, "public_key", agent->identity.public_key.data, agent->identity.public_key.size);
    json_object_set_new(result, "most_bytes", json_integer(MOST_BYTES));
    char *made = answer(id, session->text, SAR_OK, -1, result, NULL);
    json_decref(result);
    return made;
}

/* What can be decided at once; SAR_OK leaves a job that can start. */
static uint32_t prepare_job(struct job *job, struct session *session, const struct kind *kind) {
    const char *profile = json_text(job->message, "profile"), *serial = json_text(job->message, "serial");
    const char *sealed = json_text(job->message, "sealed");
    if (!has_right_fields(job->message, kind->required, kind->optional) || !has_right_names(job->message))
        return AGENT_MALFORMED;
    if (profile && !json_object_get(job->agent->settings.profiles, profile)) return AGENT_PROFILE;
    if (sealed) {
        const json_t *origin = settings_origin(&job->agent->settings, job->origin);
        job->task = task_open(&job->agent->identity, origin, session, kind->type, profile, serial, sealed);
        if (!job->task) return AGENT_TASK;
    }
    if (!strcmp(kind->type, "begin")) {
        const struct begun *begun = session_begin(session, profile, serial, json_text(job->message, "task"));
        if (!begun) return AGENT_MALFORMED;
        json_put_bytes(job->result, "nonce", begun->nonce, NONCE);
    }
    job->run = kind->run;
    return SAR_OK;
}

/* A message of a session that has proved itself. */
static char *carry_out(const struct agent *agent, uint64_t connection, struct session *session, const char *id,
                       const char *type, json_t *message) {
    const struct kind *kind = kind_of(type);
    struct job *job = job_new(agent, connection, session->origin, message);
    strcpy(job->session, session->text);
    uint32_t code = kind ? SAR_OK : AGENT_TYPE_UNKNOWN;
    if (code == SAR_OK && jobs_of(connection) >= MOST_AT_ONCE) code = AGENT_BUSY;
    if (code == SAR_OK) code = prepare_job(job, session, kind);
    if (code == SAR_OK && !jobs_start(job)) code = AGENT_BUSY;
    if (code == SAR_OK) return NULL;
    char *made = answer(id, session->text, code, -1, NULL, NULL);
    job_free(job);
    return made;
}

static char *receive(const struct agent *agent, uint64_t connection, uint64_t socket, const char *origin,
                     json_t *message) {
    const char *id = json_text(message, "id"), *type = json_text(message, "type");
    const char *text = json_text(message, "session");
    const json_t *version = json_object_get(message, "v"), *number = json_object_get(message, "number");
    uint32_t code;
    if (!id || strlen(id) > LONGEST_ID || !type || !json_is_integer(version)) return message_fault(AGENT_MALFORMED);
    if (json_integer_value(version) != PROTOCOL) return answer(id, NULL, AGENT_VERSION, -1, NULL, NULL);
    if (!strcmp(type, "hello")) return hello(agent, id, origin, socket, message);
    if (!text || !json_is_integer(number)) return answer(id, NULL, AGENT_SESSION, -1, NULL, NULL);
    struct session *session = session_find(text, origin, socket, json_integer_value(number), &code);
    if (code != SAR_OK) return answer(id, session ? session->text : NULL, code, -1, NULL, NULL);
    return carry_out(agent, connection, session, id, type, message);
}

char *message_receive(const struct agent *agent, uint64_t connection, uint64_t socket, const char *origin,
                      const char *text, size_t size) {
    json_t *message = json_object_of(text, size);
    char *made = message ? receive(agent, connection, socket, origin, message) : message_fault(AGENT_MALFORMED);
    json_decref(message);
    return made;
}
