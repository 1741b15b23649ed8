/* Remote unblocking: the token asks, the platform answers, nothing secret is readable between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "../include/banyan_skf.h"
#include "pin.h"

#define LONGEST_TEXT 512
#define SECRET 32

static void hex(const uint8_t *data, size_t size, char *to) {
    for (size_t i = 0; i < size; i++) sprintf(to + 2 * i, "%02x", data[i]);
}

/* base64url without padding */
static size_t to_text(const char *data, char *text) {
    int size = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)data, (int)strlen(data));
    while (size > 0 && text[size - 1] == '=') size--;
    for (int i = 0; i < size; i++) text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    text[size] = 0;
    return (size_t)size;
}

/* White space does no harm: people copy these by hand. -1 for what is no base64url. */
static int from_text(const char *text, uint8_t data[LONGEST_TEXT]) {
    char compact[LONGEST_TEXT + 4];
    size_t size = 0, filled;
    for (; *text; text++) {
        if (strchr(" \t\r\n", *text)) continue;
        if (size == LONGEST_TEXT || strchr("+/=", *text)) return -1;
        compact[size++] = *text == '-' ? '+' : *text == '_' ? '/' : *text;
    }
    for (filled = size; filled % 4; filled++) compact[filled] = '=';
    const size_t padding = filled - size;
    const int made = EVP_DecodeBlock(data, (const unsigned char *)compact, (int)filled);
    return made < 0 || padding > 2 ? -1 : made - (int)padding;
}

static size_t request_text(struct operation *run, char text[LONGEST_TEXT]) {
    char number[2 * ID_BYTES + 1], salt[2 * SALT_BYTES + 1], plain[256];
    hex(run->application->challenge, ID_BYTES, number);
    hex(run->application->pins[ADMIN_TYPE].salt, SALT_BYTES, salt);
    snprintf(plain, sizeof plain, "[\"%s\",\"%s\",\"%s\",%lu]", run->state->serial, number, salt,
             (unsigned long)run->state->iterations);
    return to_text(plain, text);
}

ULONG BYT_GenRemoteUnblockRequest(HAPPLICATION hApplication, LPSTR szRequest, ULONG *pulRequestLen) {
    struct operation run;
    char text[LONGEST_TEXT];
    if (!pulRequestLen) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, szRequest != NULL);
    if (result != SAR_OK) return result;
    const size_t size = request_text(&run, text) + 1; /* the same for every challenge */
    if (!szRequest || *pulRequestLen < size) {
        result = szRequest ? SAR_BUFFER_TOO_SMALL : SAR_OK;
        *pulRequestLen = (ULONG)size;
    } else {
        run.application->is_challenged = true;
        result = RAND_bytes(run.application->challenge, ID_BYTES) == 1 ? operation_store(&run) : SAR_GENRANDERR;
        if (result == SAR_OK) result = give(text, request_text(&run, text) + 1, szRequest, pulRequestLen);
    }
    operation_end(&run);
    return result;
}

/* The key of the response to exactly this request. */
static bool bound_key(struct operation *run, uint8_t key[SEAL_KEY]) {
    char text[LONGEST_TEXT];
    const size_t size = request_text(run, text);
    const struct part parts[] = {{"banyan-skf response ", 20}, {text, size}};
    return hmac_sm3(run->application->response_key, 32, parts, 2, key);
}

static ULONG answer(struct operation *run, const uint8_t *sealed, size_t size, ULONG *left) {
    uint8_t key[SEAL_KEY], master[SEAL_KEY], plain[SECRET + LONGEST_PIN + 1] = {0};
    const struct part number = {run->application->challenge, ID_BYTES};
    bool good = bound_key(run, key);
    run->application->is_challenged = false; /* gone from the disk before the response is looked at */
    ULONG result = good ? pin_spend(run, ADMIN_TYPE, left) : SAR_FAIL;
    if (result == SAR_OK) {
        if (!unseal(key, number, sealed, size, plain)) result = *left ? SAR_PIN_INCORRECT : SAR_PIN_LOCKED;
        else result = pin_open_for_admin(run, plain, master, left);
        if (result == SAR_OK) result = pin_check_new((char *)plain + SECRET, NULL);
        if (result == SAR_OK) result = pin_set(run, USER_TYPE, (char *)plain + SECRET, master, true);
        if (result == SAR_OK) result = operation_store(run);
    }
    wipe(key, sizeof key);
    wipe(master, sizeof master);
    wipe(plain, sizeof plain);
    return result;
}

ULONG BYT_RemoteUnblockPIN(HAPPLICATION hApplication, LPSTR szResponse, ULONG *pulRetryCount) {
    struct operation run;
    uint8_t data[LONGEST_TEXT];
    ULONG left = 0;
    if (!szResponse || !pulRetryCount) return SAR_INVALIDPARAMERR;
    const int size = from_text(szResponse, data);
    const int least = ID_BYTES + SEAL_ADDS + SECRET;
    if (size < least + SHORTEST_PIN || size > least + LONGEST_PIN) return SAR_INDATALENERR;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    left = run.application->pins[ADMIN_TYPE].left;
    if (left == 0) result = SAR_PIN_LOCKED;
    else if (!run.application->is_challenged || CRYPTO_memcmp(data, run.application->challenge, ID_BYTES) != 0)
        result = SAR_INDATAERR;
    else result = answer(&run, data + ID_BYTES, (size_t)size - ID_BYTES, &left);
    operation_end(&run);
    *pulRetryCount = left;
    return result;
}
