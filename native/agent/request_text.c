#include "request_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "quote.h"

#define LONGEST_NAME 100

static void add(struct bytes *to, const char *label, const char *text) {
    if (!text || !*text) return;
    char *safe = quote_name(text, LONGEST_NAME);
    bytes_append(to, label, strlen(label));
    bytes_append(to, safe, strlen(safe));
    bytes_append(to, "\n", 1);
    free(safe);
}

char *request_who(const struct job *job) {
    struct bytes made = bytes_copy("", 0);
    add(&made, "网站：", job->origin);
    add(&made, "介质：", json_text(job->message, "serial"));
    return (char *)made.data;
}

char *request_text(const char *about, const json_t *seen, int tries_left) {
    struct bytes made = bytes_copy("", 0);
    char tries[160] = "";
    add(&made, "名称：", json_text(seen, "label"));
    add(&made, "证书：", json_text(seen, "holder"));
    bytes_append(&made, about, strlen(about)); /* ours, or made safe where it quotes */
    if (tries_left == 1) snprintf(tries, sizeof tries, "\n注意：PIN 只剩最后一次机会，再错介质将锁定。");
    else if (tries_left > 1) snprintf(tries, sizeof tries, "\nPIN 还可试 %d 次。", tries_left);
    bytes_append(&made, tries, strlen(tries));
    return (char *)made.data;
}

void request_error_text(uint32_t code, int tries_left, char *to, size_t size) {
    if (code == SAR_PIN_INCORRECT && tries_left >= 0) snprintf(to, size, "PIN 不正确，还可试 %d 次。", tries_left);
    else snprintf(to, size, "%s", error_message(code));
}

bool request_is_worth_another_try(uint32_t code) {
    return code == SAR_PIN_INCORRECT || code == SAR_PIN_LEN_RANGE || code == SAR_PIN_INVALID;
}

json_t *request_error(uint32_t code, int tries_left) {
    json_t *error = json_object();
    char number[16];
    snprintf(number, sizeof number, "0x%08X", code);
    json_put_text(error, "code", error_name(code));
    json_put_text(error, "number", number);
    json_put_text(error, "message", error_message(code));
    if (tries_left >= 0) json_object_set_new(error, "tries_left", json_integer(tries_left));
    return error;
}
