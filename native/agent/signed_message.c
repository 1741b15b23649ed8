#include "signed_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "quote.h"
#include "sm2.h"

#define OWN_PREFIX "banyan-"
#define LOGIN "banyan-login-v1"         /* each with its final zero */
#define READ_BACK "banyan-read-back-v1"
#define LONGEST_TEXT 2000 /* characters: as much as a window shows */
#define LONGEST_TITLE 100
#define CHALLENGE 32

static bool is_ours(const void *data, size_t size) {
    return size >= sizeof OWN_PREFIX - 1 && !memcmp(data, OWN_PREFIX, sizeof OWN_PREFIX - 1);
}

static size_t characters(const char *text) {
    size_t count = 0;
    for (; *text; text++) count += (*text & 0xc0) != 0x80;
    return count;
}

static char *joined(const char *head, const char *body) {
    char *made = must_have(malloc(strlen(head) + strlen(body) + 1));
    return strcat(strcpy(made, head), body);
}

static uint32_t of_text(const json_t *message, struct bytes *octets, char **about) {
    const char *text = json_text(message, "text");
    if (!text || !*text || is_ours(text, strlen(text))) return AGENT_MALFORMED;
    if (characters(text) > LONGEST_TEXT) return AGENT_TOO_LARGE;
    *octets = bytes_copy(text, strlen(text));
    char *safe = quote_lines(text, LONGEST_TEXT);
    *about = joined("签名以下全部文字：\n────────\n", safe);
    free(safe);
    char *whole = joined(*about, "\n────────");
    free(*about);
    *about = whole;
    return SAR_OK;
}

static uint32_t of_data(const json_t *message, struct bytes *octets, char **about) {
    const char *title = json_text(message, "title");
    uint8_t digest[32];
    char hex[65], size[200];
    if (!title || !json_bytes(message, "data", octets) || !octets->size || is_ours(octets->data, octets->size))
        return AGENT_MALFORMED;
    if (!sm3(octets->data, octets->size, digest)) return SAR_HASHERR;
    hex_of(digest, sizeof digest, hex);
    snprintf(size, sizeof size, "\n大小：%zu 字节\nSM3：%s", octets->size, hex);
    char *safe = quote_name(title, LONGEST_TITLE);
    char *head = joined("签名文件：", safe);
    *about = joined(head, size);
    free(head);
    free(safe);
    return SAR_OK;
}

static uint32_t of_login(const json_t *message, const char *origin, struct bytes *octets, char **about) {
    struct bytes challenge = {NULL, 0};
    if (!json_bytes(message, "challenge", &challenge) || challenge.size != CHALLENGE) {
        bytes_free(&challenge);
        return AGENT_MALFORMED;
    }
    *octets = bytes_copy(LOGIN, sizeof LOGIN);
    bytes_append(octets, origin, strlen(origin) + 1);
    bytes_append(octets, challenge.data, challenge.size);
    *about = joined("用证书登录该网站", "");
    bytes_free(&challenge);
    return SAR_OK;
}

uint32_t signed_message(const json_t *message, const char *origin, struct bytes *octets, char **about) {
    const char *kind = json_text(message, "kind");
    const bool has_text = json_object_get(message, "text"), has_data = json_object_get(message, "data");
    const bool has_title = json_object_get(message, "title"), has_challenge = json_object_get(message, "challenge");
    /* Nothing may stand beside what is shown. */
    if (!strcmp(kind, "text") && !has_data && !has_title && !has_challenge) return of_text(message, octets, about);
    if (!strcmp(kind, "data") && !has_text && !has_challenge) return of_data(message, octets, about);
    if (!strcmp(kind, "login") && !has_text && !has_data && !has_title) return of_login(message, origin, octets, about);
    return AGENT_MALFORMED;
}

uint32_t signed_read_back(const char *origin, const char *serial, const char *nonce, struct bytes *octets) {
    struct bytes number = {NULL, 0};
    const bool good = bytes_of_base64(nonce, &number) && number.size >= 16 && number.size <= 64;
    if (good) {
        *octets = bytes_copy(READ_BACK, sizeof READ_BACK);
        bytes_append(octets, origin, strlen(origin) + 1);
        bytes_append(octets, serial, strlen(serial) + 1);
        bytes_append(octets, number.data, number.size);
    }
    bytes_free(&number);
    return good ? SAR_OK : AGENT_MALFORMED;
}
