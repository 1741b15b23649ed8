/* Changed messages for the token agent: text, fields, sealed answers, what a worker says, what a window is told. Built together
 * with the agent's sources under sanitizers, tests/agent/test_build.py has the command; usage: fuzz_agent SECONDS SEED PLACE, an
 * empty directory. Jobs run at once; the worker and the window program are ours (the linker's --wrap). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "../agent/errors.h"
#include "../agent/identity.h"
#include "../agent/json.h"
#include "../agent/messages.h"
#include "../agent/pinentry.h"
#include "../agent/sm2.h"
#include "../agent/worker_pool.h"

#define CHECK(what) \
    if (!(what)) {  \
        printf("line %d: %s\n", __LINE__, #what); \
        abort();    \
    }

#define ORIGIN "https://ra.example.cn"
#define SOCKET 7

static uint64_t seed;
static struct agent agent;
static EVP_PKEY *task_key;
static json_int_t last_run; /* number of the message that ran last */
static unsigned runs, answers;

static uint32_t random_below(uint32_t most) { /* xorshift: a run can be repeated from its seed */
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return most ? (uint32_t)(seed >> 16) % most : 0;
}

static json_t *random_value(void) {
    static const char *const texts[] = {"", "banyan-login-v1", "../x", "k1", "AAAA", "AAA=", "====", "\xe2\x80\xae" "x", "\n\r%00%",
                                        "https://ra.example.cn", "text", "data", "login", "\x01\x7f"};
    switch (random_below(8)) {
    case 0: return json_null();
    case 1: return json_true();
    case 2: return json_integer((json_int_t)seed);
    case 3: return json_real(1e300);
    case 4: return json_array();
    case 5: return json_object();
    case 6: {
        char many[3000];
        const size_t size = random_below(sizeof many - 1);
        memset(many, "%\nx\xff"[random_below(3)], size);
        many[size] = 0;
        return json_string(many);
    }
    default: return json_string(texts[random_below(sizeof texts / sizeof *texts)]);
    }
}

static void change_fields(json_t *object) {
    const char *name;
    json_t *value;
    uint32_t which = random_below((uint32_t)json_object_size(object));
    json_object_foreach(object, name, value) if (!which--) break;
    if (!name) return;
    char chosen[100];
    snprintf(chosen, sizeof chosen, "%s", name);
    switch (random_below(4)) {
    case 0: json_object_del(object, chosen); break;
    case 1: json_object_set_new(object, "more", random_value()); break;
    default: json_object_set_new(object, chosen, random_value());
    }
}

static void change_text(char *text, size_t *size) {
    static const char telling[] = "\"\\{}[]:,0\xff\xc0\x00u";
    for (uint32_t times = 1 + random_below(4); times-- && *size;) {
        char *at = text + random_below((uint32_t)*size);
        if (random_below(4) == 0) *size = (size_t)(at - text);
        else if (random_below(2)) *at ^= (char)(1 << random_below(8));
        else *at = telling[random_below(sizeof telling)];
    }
}

/* What stands in for the rest of the agent. */

bool __wrap_jobs_start(struct job *job);
struct outcome __wrap_pool_ask(const json_t *profile, const char *name, const char *key, json_t *asked);
bool __wrap_pinentry_start(struct pinentry *pinentry, const char *program, int seconds, const atomic_bool *is_over);
uint32_t __wrap_pinentry_show(struct pinentry *pinentry, const char *text);
uint32_t __wrap_pinentry_get(struct pinentry *pinentry, const char *text, const char *error, const char *prompt,
                             char pin[PIN_SIZE]);
void __wrap_pinentry_end(struct pinentry *pinentry);

static void check_answer(char *text) {
    json_t *answer = json_object_of(text, strlen(text)), *error = json_object_get(answer, "error");
    CHECK(answer && json_is_boolean(json_object_get(answer, "ok")));
    CHECK(json_is_true(json_object_get(answer, "ok")) == (error == NULL));
    CHECK(!error || (*json_text(error, "message") && *json_text(error, "code")));
    answers++;
    json_decref(answer);
    free(text);
}

bool __wrap_jobs_start(struct job *job) {
    const json_int_t number = json_integer_value(json_object_get(job->message, "number"));
    CHECK(!strcmp(job->origin, ORIGIN));
    CHECK(number > last_run); /* nothing runs twice */
    last_run = number;
    runs++;
    job->code = job->run(job);
    check_answer(message_answer(job));
    job_free(job);
    return true;
}

struct outcome __wrap_pool_ask(const json_t *profile, const char *name, const char *key, json_t *asked) {
    static const uint32_t codes[] = {SAR_PIN_INCORRECT, SAR_PIN_LOCKED, SAR_DEVICE_REMOVED, AGENT_DIED, 0xffffffffu, AGENT_FIRST_PIN};
    struct outcome made = {SAR_OK, (int)random_below(7), 0.1, json_object()};
    json_t *tokens = json_array(), *token = json_object();
    CHECK(profile && name && (key || !strcmp(json_text(asked, "operation"), "list")));
    if (random_below(4) == 0) made.code = codes[random_below(sizeof codes / sizeof *codes)];
    for (const char *const *field = (const char *const[]){"label", "holder", "signature", "unblock_request", NULL}; *field; field++)
        if (random_below(2)) json_object_set_new(made.result, *field, random_value());
    json_object_set_new(token, "fault", random_value());
    json_array_append_new(tokens, token);
    json_object_set_new(made.result, "tokens", tokens);
    return made;
}

/* Nothing in a window moves the cursor, turns the direction of reading, or makes a line that no window program takes. */
static void check_shown(const char *text) {
    size_t line = strlen("SETDESC ");
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        CHECK(*at >= 0x20 || *at == '\n');
        CHECK(*at != 0x7f);
        line += *at == '%' || *at == '\n' ? 3 : 1;
    }
    CHECK(line < 1000);
    CHECK(!strstr(text, "\xe2\x80\xae")); /* U+202E */
}

bool __wrap_pinentry_start(struct pinentry *pinentry, const char *program, int seconds, const atomic_bool *is_over) {
    (void)pinentry, (void)program, (void)seconds, (void)is_over;
    return random_below(20) != 0;
}

uint32_t __wrap_pinentry_show(struct pinentry *pinentry, const char *text) {
    (void)pinentry;
    check_shown(text);
    return random_below(20) ? SAR_OK : AGENT_CANCELLED;
}

uint32_t __wrap_pinentry_get(struct pinentry *pinentry, const char *text, const char *error, const char *prompt,
                             char pin[PIN_SIZE]) {
    (void)pinentry, (void)prompt;
    check_shown(text);
    if (error) check_shown(error);
    strcpy(pin, random_below(10) ? "us3r-PIN" : "other-PIN");
    return random_below(10) ? SAR_OK : AGENT_CANCELLED;
}

void __wrap_pinentry_end(struct pinentry *pinentry) { (void)pinentry; }

/* Messages that would be accepted. */

static void sign(const struct bytes *message, struct bytes *signature) {
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(task_key, NULL);
    size_t size = 100;
    EVP_MD_CTX_set_pkey_ctx(digest, context);
    *signature = (struct bytes){malloc(size), size};
    CHECK(EVP_PKEY_CTX_set1_id(context, IDENTITY, sizeof IDENTITY - 1) > 0);
    CHECK(EVP_DigestSignInit(digest, NULL, EVP_sm3(), NULL, task_key) > 0);
    CHECK(EVP_DigestSign(digest, signature->data, &size, message->data, message->size) > 0);
    signature->size = size;
    EVP_PKEY_CTX_free(context);
    EVP_MD_CTX_free(digest);
}

static void seal(json_t *body, json_t *message) {
    char *text = json_line(body);
    struct bytes signed_octets = bytes_copy("banyan-task-v1", sizeof "banyan-task-v1"), signature;
    json_t *outer = json_object();
    bytes_append(&signed_octets, text, strlen(text));
    sign(&signed_octets, &signature);
    json_put_text(outer, "body", text);
    json_put_bytes(outer, "signature", signature.data, signature.size);
    if (random_below(8) == 0) change_fields(outer);
    char *line = json_line(outer);
    size_t size = strlen(line) + 200;
    uint8_t *sealed = malloc(size);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(agent.identity.key, NULL);
    CHECK(EVP_PKEY_encrypt_init(context) > 0);
    CHECK(EVP_PKEY_encrypt(context, sealed, &size, (uint8_t *)line, strlen(line)) > 0);
    if (random_below(8) == 0) sealed[random_below((uint32_t)size)] ^= (uint8_t)(1 + random_below(255));
    json_put_bytes(message, "sealed", sealed, size);
    EVP_PKEY_CTX_free(context);
    free(sealed);
    json_text_free(line);
    json_text_free(text);
    json_decref(outer);
    bytes_free(&signed_octets);
    bytes_free(&signature);
}

static void put_key(json_t *message) {
    json_put_text(message, "profile", "p");
    json_put_text(message, "serial", "S");
    json_put_text(message, "container", "k1");
}

static json_t *sample(const char *type) {
    static const uint8_t octets[64] = {0};
    const char *const fields[] = {"signing_certificate", "encryption_certificate", "envelope", "wrapped_key", "data"};
    json_t *message = json_object();
    const bool has_token = strcmp(type, "list") && strcmp(type, "verify");
    if (has_token) put_key(message);
    if (!strcmp(type, "begin") || !strcmp(type, "change_pin") || !strcmp(type, "unblock")) json_object_del(message, "container");
    if (!strcmp(type, "begin")) json_put_text(message, "task", "T");
    if (!strcmp(type, "prepare")) json_put_bytes(message, "subject", "\x30\x00", 2);
    for (int i = 0; i < 3 && !strcmp(type, "write"); i++) json_put_bytes(message, fields[i], octets, 64);
    for (int i = 3; i < 5 && !strcmp(type, "open"); i++) json_put_bytes(message, fields[i], octets, 64);
    if (!strcmp(type, "open")) json_put_bytes(message, "iv", octets, 16);
    if (!strcmp(type, "write") || !strcmp(type, "read_back")) json_put_bytes(message, "nonce", octets, 32);
    if (!strcmp(type, "verify")) {
        json_put_bytes(message, "data", octets, 10);
        json_put_bytes(message, "signature", octets, 64);
        json_put_bytes(message, "public_key", agent.identity.public_key.data, agent.identity.public_key.size);
    }
    if (strcmp(type, "sign") != 0) return message;
    static const char *const kinds[] = {"text", "data", "login"};
    const uint32_t kind = random_below(3);
    json_put_text(message, "kind", kinds[kind]);
    if (kind == 0) json_put_text(message, "text", random_below(2) ? "\xe5\x90\x8c\xe6\x84\x8f" : "a\xe2\x80\xae\nb%");
    if (kind == 0 && random_below(2)) json_object_set_new(message, "text", random_value());
    if (kind == 1) json_put_bytes(message, "data", octets, 64);
    if (kind == 1) json_put_text(message, "title", "a\nb");
    if (kind == 2) json_put_bytes(message, "challenge", octets, 32);
    return message;
}

static struct session *session;
static json_int_t number;

/* A body that fits what `begin` promised, unless it is changed afterwards. */
static void put_sealed(json_t *message, const char *type) {
    const struct begun *begun = session_begin(session, "p", "S", "T");
    json_t *body = json_object(), *allowed = json_array();
    json_object_set_new(body, "v", json_integer(1));
    json_put_text(body, "agent", agent.identity.key_id);
    json_put_text(body, "origin", ORIGIN);
    json_put_text(body, "profile", "p");
    json_put_text(body, "serial", "S");
    json_put_text(body, "task", "T");
    json_put_bytes(body, "nonce", begun->nonce, NONCE);
    json_object_set_new(body, "not_after", json_integer((json_int_t)time(NULL) + 100));
    json_array_append_new(allowed, json_string(type));
    json_object_set_new(body, "allows", allowed);
    json_put_text(body, "pin", "us3r-PIN");
    json_put_text(body, "response", "response");
    if (random_below(2)) change_fields(body);
    seal(body, message);
    json_decref(body);
}

static void one_message(void) {
    static const char *const types[] = {"list", "begin", "prepare", "write", "read_back", "sign", "verify", "open", "change_pin", "unblock"};
    const char *type = types[random_below(sizeof types / sizeof *types)];
    json_t *message = sample(type);
    json_object_set_new(message, "v", json_integer(PROTOCOL));
    json_put_text(message, "id", "1");
    json_put_text(message, "type", type);
    json_put_text(message, "session", session->text);
    json_object_set_new(message, "number", json_integer(random_below(10) ? ++number : number));
    const bool may_be_sealed = strchr("pwrcu", *type) && strcmp(type, "begin");
    if (!strcmp(type, "unblock") || (may_be_sealed && random_below(2))) put_sealed(message, type);
    if (random_below(3)) change_fields(message);
    char *line = json_line(message);
    size_t size = strlen(line);
    char *copy = malloc(size ? size : 1); /* exactly as large as its content */
    memcpy(copy, line, size);
    if (random_below(3) == 0) change_text(copy, &size);
    copy = realloc(copy, size ? size : 1);
    char *answer = message_receive(&agent, SOCKET, SOCKET, ORIGIN, copy, size);
    if (answer) check_answer(answer);
    if (session->number > number) number = session->number;
    /* A changed type may have been hello, a changed number the highest there is. */
    if (!*session->text || session->number < last_run || number > (json_int_t)1 << 60) {
        session = session_open(ORIGIN, SOCKET);
        number = last_run = 0;
    }
    free(copy);
    json_text_free(line);
    json_decref(message);
}

static void changed_der(void) {
    uint8_t *der = NULL;
    const int size = i2d_PUBKEY(task_key, &der);
    struct bytes copy = bytes_copy(der, (size_t)size), blob;
    uint8_t point[POINT];
    copy.data[random_below((uint32_t)size)] ^= (uint8_t)(1 << random_below(8));
    EVP_PKEY_free(key_of_spki(copy.data, copy.size));
    point_of_certificate(&copy, point);
    if (cipher_blob_of_der(&copy, &blob)) bytes_free(&blob);
    bytes_free(&copy);
    OPENSSL_free(der);
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    const time_t until = time(NULL) + atol(arguments[1]);
    seed = strtoull(arguments[2], NULL, 10) * 2654435761u + 1;
    json_wipe_when_freed();
    CHECK(identity_load(&agent.identity, arguments[3]));
    task_key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    uint8_t *der = NULL;
    const int size = i2d_PUBKEY(task_key, &der);
    char *text = base64_of(der, (size_t)size);
    agent.settings = (struct settings){.window_seconds = 1, .pinentry = (char *)"", .profiles = json_pack("{s{s{ss}}}", "p", "library", "linux", "l"),
                                       .origins = json_pack("[{sss[s]}]", "origin", ORIGIN, "task_keys", text)};
    session = session_open(ORIGIN, SOCKET);
    while (time(NULL) < until) {
        for (int i = 0; i < 20; i++) one_message();
        changed_der();
    }
    CHECK(runs && runs < answers); /* some were good, some were not */
    printf("%u messages, %u carried out\n", answers, runs);
    json_decref(agent.settings.profiles);
    json_decref(agent.settings.origins);
    identity_free(&agent.identity);
    EVP_PKEY_free(task_key);
    OPENSSL_free(der);
    free(text);
    return 0;
}
