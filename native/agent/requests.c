#include "requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "errors.h"
#include "json.h"
#include "request_text.h"
#include "signed_message.h"
#include "sm2.h"
#include "worker_pool.h"

static const char *field(const struct job *job, const char *name) { return json_text(job->message, name); }

static uint32_t ask_worker(struct job *job, const char *operation, json_t *asked, json_t **result) {
    const char *name = field(job, "profile");
    const json_t *profile = json_object_get(job->agent->settings.profiles, name);
    json_put_text(asked, "operation", operation);
    json_put_text(asked, "serial", field(job, "serial"));
    if (field(job, "container")) json_put_text(asked, "container", field(job, "container"));
    struct outcome outcome = pool_ask(profile, name, field(job, "serial"), asked);
    job->library_ms += outcome.library_ms;
    job->tries_left = outcome.tries_left;
    if (result) *result = outcome.result;
    else json_decref(outcome.result);
    return outcome.code;
}

/* With an initial PIN a certificate can be made and looked at, not used. */
static bool speaks_for_the_holder(const char *operation) {
    return !strcmp(operation, "sign") || !strcmp(operation, "open");
}

/* An operation with a PIN: the platform's, when it sealed one, else the person's, asked until it is right, the tries are
 * used up or the window is closed. `about` says what for. */
static uint32_t with_pin(struct job *job, const char *operation, json_t *asked, const char *about) {
    char pin[PIN_SIZE] = "", error[160];
    bool is_again = false;
    uint32_t code;
    if (job->task) {
        for (const char *const *name = (const char *const[]){"pin", "admin_pin", "device_key", NULL}; *name; name++)
            if (json_text(job->task, *name)) json_put_text(asked, *name, json_text(job->task, *name));
        json_decref(job->result);
        return ask_worker(job, operation, asked, &job->result);
    }
    for (;;) {
        json_t *seen = NULL, *question = json_object();
        json_object_set_new(question, "needs_own_pin", json_boolean(speaks_for_the_holder(operation)));
        code = ask_worker(job, "inspect", question, &seen);
        json_decref(question);
        char *text = request_text(about, seen, job->tries_left);
        json_decref(seen);
        if (code == SAR_OK) code = window_pin(&job->window, text, is_again ? error : NULL, pin);
        free(text);
        if (code != SAR_OK) break;
        json_put_text(asked, "pin", pin);
        OPENSSL_cleanse(pin, sizeof pin);
        json_decref(job->result);
        code = ask_worker(job, operation, asked, &job->result);
        if (!request_is_worth_another_try(code)) break;
        request_error_text(code, job->tries_left, error, sizeof error);
        is_again = true;
    }
    OPENSSL_cleanse(pin, sizeof pin);
    return code;
}

static void put_fault(json_t *faults, const char *profile, uint32_t code) {
    json_t *fault = json_object();
    json_put_text(fault, "profile", profile);
    json_object_set_new(fault, "error", request_error(code, -1));
    json_array_append_new(faults, fault);
}

/* As the worker told it. A device that does not even tell its serial number is none that a page could name. */
static void put_token(json_t *tokens, json_t *faults, const char *profile, json_t *one) {
    const json_t *fault = json_object_get(one, "fault");
    const uint32_t code = (uint32_t)json_integer_value(fault);
    if (fault && !json_text(one, "serial")) {
        put_fault(faults, profile, code);
        return;
    }
    json_put_text(one, "profile", profile);
    if (fault) json_object_set_new(one, "error", request_error(code, -1));
    json_object_del(one, "fault");
    json_array_append(tokens, one);
}

static uint32_t run_list(struct job *job) {
    json_t *tokens = json_array(), *faults = json_array(), *found, *one;
    const char *name;
    json_t *profile;
    size_t i;
    json_object_set_new(job->result, "tokens", tokens);
    json_object_set_new(job->result, "faults", faults);
    json_object_foreach(job->agent->settings.profiles, name, profile) {
        json_t *asked = json_object();
        json_put_text(asked, "operation", "list");
        struct outcome outcome = pool_ask(profile, name, NULL, asked);
        job->library_ms += outcome.library_ms;
        found = json_object_get(outcome.result, "tokens");
        json_array_foreach(found, i, one) put_token(tokens, faults, name, one);
        /* A vendor whose driver is not installed here is no fault. */
        if (outcome.code != SAR_OK && outcome.code != AGENT_PROFILE) put_fault(faults, name, outcome.code);
        json_decref(outcome.result);
        json_decref(asked);
    }
    return SAR_OK;
}

static uint32_t run_begin(struct job *job) {
    if (!json_is_true(json_object_get(job->message, "unblock"))) return SAR_OK;
    json_t *asked = json_object(), *found = NULL;
    const uint32_t code = ask_worker(job, "unblock_request", asked, &found);
    json_object_update(job->result, found);
    json_decref(found);
    json_decref(asked);
    return code;
}

static uint32_t run_with_fields(struct job *job, const char *operation, const char *const *fields, const char *about) {
    json_t *asked = json_object();
    for (; *fields; fields++) json_put_text(asked, *fields, field(job, *fields));
    const uint32_t code = with_pin(job, operation, asked, about);
    json_decref(asked);
    return code;
}

/* Before a person is asked: octets, `size` of them where that is not 0. */
static bool has_octets(const struct job *job, const char *name, size_t size) {
    struct bytes octets = {NULL, 0};
    const bool good = json_bytes(job->message, name, &octets) && octets.size && (!size || octets.size == size);
    bytes_free(&octets);
    return good;
}

static uint32_t run_prepare(struct job *job) {
    if (!has_octets(job, "subject", 0)) return AGENT_MALFORMED;
    return run_with_fields(job, "prepare", (const char *const[]){"subject", NULL}, "在介质中生成密钥并申请证书");
}

static uint32_t run_open(struct job *job) {
    if (!has_octets(job, "wrapped_key", 0) || !has_octets(job, "iv", 16) || !has_octets(job, "data", 0))
        return AGENT_MALFORMED;
    return run_with_fields(job, "open", (const char *const[]){"wrapped_key", "iv", "data", NULL}, "打开发给您的加密数据");
}

/* write and read_back: with the octets that prove the key */
static uint32_t run_proving(struct job *job, const char *operation, const char *const *fields, const char *about) {
    struct bytes message = {NULL, 0};
    uint32_t code = signed_read_back(job->origin, field(job, "serial"), field(job, "nonce"), &message);
    if (code != SAR_OK) return code;
    json_t *asked = json_object();
    json_put_bytes(asked, "message", message.data, message.size);
    for (; *fields; fields++) json_put_text(asked, *fields, field(job, *fields));
    code = with_pin(job, operation, asked, about);
    json_decref(asked);
    bytes_free(&message);
    return code;
}

static uint32_t run_write(struct job *job) {
    static const char *const FIELDS[] = {"signing_certificate", "encryption_certificate", "envelope", NULL};
    for (const char *const *name = FIELDS; *name; name++)
        if (!has_octets(job, *name, 0)) return AGENT_MALFORMED;
    return run_proving(job, "write", FIELDS, "把证书写入介质");
}

static uint32_t run_read_back(struct job *job) {
    return run_proving(job, "read_back", (const char *const[]){NULL}, "核对介质中的证书和密钥");
}

static uint32_t run_recover(struct job *job) {
    static const char *const FIELDS[] = {"signing_container", "encryption_certificate", "envelope", NULL};
    for (const char *const *name = FIELDS + 1; *name; name++)
        if (!has_octets(job, *name, 0)) return AGENT_MALFORMED;
    return run_with_fields(job, "recover", FIELDS, "装入恢复的旧加密密钥");
}

static uint32_t run_sign(struct job *job) {
    struct bytes message = {NULL, 0};
    char *about = NULL;
    uint32_t code = signed_message(job->message, job->origin, &message, &about);
    if (code == SAR_OK) {
        json_t *asked = json_object();
        json_put_bytes(asked, "message", message.data, message.size);
        code = with_pin(job, "sign", asked, about);
        json_decref(asked);
    }
    bytes_free(&message);
    free(about);
    return code;
}

static uint32_t run_verify(struct job *job) {
    struct bytes data = {NULL, 0}, signature = {NULL, 0}, der = {NULL, 0}, spki = {NULL, 0};
    uint8_t point[POINT];
    const bool has_certificate = field(job, "certificate") != NULL;
    bool good = has_certificate != (field(job, "public_key") != NULL) && json_bytes(job->message, "data", &data) &&
                json_bytes(job->message, "signature", &signature) &&
                json_bytes(job->message, has_certificate ? "certificate" : "public_key", &der);
    if (good && has_certificate) {
        good = point_of_certificate(&der, point);
        if (good) spki = spki_of_point(point);
    } else if (good) spki = bytes_copy(der.data, der.size);
    EVP_PKEY *key = good ? key_of_spki(spki.data, spki.size) : NULL;
    if (key)
        json_object_set_new(job->result, "is_valid", json_boolean(sm2_verify(key, data.data, data.size, &signature)));
    EVP_PKEY_free(key);
    bytes_free(&data);
    bytes_free(&signature);
    bytes_free(&der);
    bytes_free(&spki);
    return key ? SAR_OK : AGENT_MALFORMED;
}

/* From a PIN that the person need not know to one of the person's choice; `first` has been chosen already, or is empty. */
static uint32_t change_from(struct job *job, const char *from, char first[PIN_SIZE], const char *about) {
    char error[160];
    char *text = request_text(about, NULL, -1);
    bool is_again = false;
    uint32_t code;
    for (;;) {
        code = *first ? SAR_OK : window_new_pin(&job->window, text, is_again ? error : NULL, first);
        if (code != SAR_OK) break;
        json_t *asked = json_object();
        json_put_text(asked, "pin", from);
        json_put_text(asked, "new_pin", first);
        OPENSSL_cleanse(first, PIN_SIZE);
        code = ask_worker(job, "change_pin", asked, NULL);
        json_decref(asked);
        if (code != SAR_PIN_INVALID && code != SAR_PIN_LEN_RANGE) break;
        request_error_text(code, -1, error, sizeof error);
        is_again = true;
    }
    free(text);
    return code;
}

static uint32_t run_change_pin(struct job *job) {
    char old[PIN_SIZE] = "", chosen[PIN_SIZE] = "", error[160];
    bool is_again = false;
    uint32_t code;
    if (job->task && !json_text(job->task, "pin")) return AGENT_TASK;
    if (job->task) return change_from(job, json_text(job->task, "pin"), chosen, "设置您自己的 PIN");
    do {
        json_t *seen = NULL, *asked = json_object();
        code = ask_worker(job, "inspect", asked, &seen);
        char *text = request_text("修改 PIN：请输入现在的 PIN", seen, job->tries_left);
        json_decref(asked);
        json_decref(seen);
        if (code == SAR_OK) code = window_pin(&job->window, text, is_again ? error : NULL, old);
        free(text);
        if (code == SAR_OK) code = change_from(job, old, chosen, "修改 PIN：请设置新的 PIN");
        is_again = code == SAR_PIN_INCORRECT;
        if (is_again) request_error_text(code, job->tries_left, error, sizeof error);
    } while (is_again && job->tries_left > 0);
    OPENSSL_cleanse(old, sizeof old);
    OPENSSL_cleanse(chosen, sizeof chosen);
    return code;
}

static uint32_t run_unblock(struct job *job) {
    char chosen[PIN_SIZE] = "";
    const char *pin = json_text(job->task, "pin"), *response = json_text(job->task, "response");
    if (!pin || !response) return AGENT_TASK;
    /* The person chooses first: once the token is unblocked, a closed window would leave a PIN that nobody knows. */
    char *text = request_text("解锁介质：请设置新的 PIN", NULL, -1);
    uint32_t code = window_new_pin(&job->window, text, NULL, chosen);
    free(text);
    if (code == SAR_OK) {
        json_t *asked = json_object();
        json_put_text(asked, "response", response);
        code = ask_worker(job, "unblock", asked, NULL);
        json_decref(asked);
    }
    if (code == SAR_OK) code = change_from(job, pin, chosen, "解锁介质：请设置新的 PIN");
    OPENSSL_cleanse(chosen, sizeof chosen);
    return code;
}

#define TOKEN "profile serial "
#define KEY TOKEN "container "

static const struct kind KINDS[] = {
    {"list", "", "", run_list},
    {"begin", TOKEN "task ", "unblock ", run_begin},
    {"prepare", KEY "subject ", "sealed ", run_prepare},
    {"write", KEY "signing_certificate encryption_certificate envelope nonce ", "sealed ", run_write},
    {"read_back", KEY "nonce ", "sealed ", run_read_back},
    {"recover", KEY "signing_container encryption_certificate envelope ", "", run_recover},
    {"sign", KEY "kind ", "text data title challenge ", run_sign},
    {"verify", "data signature ", "public_key certificate ", run_verify},
    {"open", KEY "wrapped_key iv data ", "", run_open},
    {"change_pin", TOKEN, "sealed ", run_change_pin},
    {"unblock", TOKEN "sealed ", "", run_unblock},
};

const struct kind *kind_of(const char *type) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (!strcmp(KINDS[i].type, type)) return &KINDS[i];
    return NULL;
}
