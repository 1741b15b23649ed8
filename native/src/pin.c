/* The counter of tries is on the disk before a PIN is looked at, so pulling the plug, kill -9 or a second process never
 * gains a try. A key comes from the slow derivation of the PIN and from the machine's secret: the directory alone gives
 * nothing to guess against. The administrator's derivation leaves the machine's secret out at first, because the platform
 * must be able to do it as well (unblock.c). */
#include "pin.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "older.h"

#define MOST_TEXT (64 + SERIAL_ROOM + LONGEST_PIN)

ULONG pin_check_form(const char *pin) {
    const size_t size = strnlen(pin, LONGEST_PIN + 1);
    if (size < SHORTEST_PIN || size > LONGEST_PIN) return SAR_PIN_LEN_RANGE;
    for (size_t i = 0; i < size; i++)
        if (pin[i] < '!' || pin[i] > '~') return SAR_PIN_INVALID;
    return SAR_OK;
}

ULONG pin_check_new(const char *pin, const char *old) {
    const ULONG form = pin_check_form(pin);
    if (form != SAR_OK) return form;
    const int step = pin[1] - pin[0];
    bool is_run = step >= -1 && step <= 1, seen[128] = {false};
    int different = 0;
    for (size_t i = 0; pin[i]; i++) {
        if (i && pin[i] - pin[i - 1] != step) is_run = false;
        different += !seen[(int)pin[i]];
        seen[(int)pin[i]] = true;
    }
    return is_run || different < 3 || (old && strcmp(pin, old) == 0) ? SAR_PIN_INVALID : SAR_OK;
}

static struct part text_of(char text[MOST_TEXT], const char *label, const char *serial, const char *pin) {
    /* label, serial, NUL, PIN */
    const int head = snprintf(text, MOST_TEXT, "%s%s", label, serial);
    strcpy(text + head + 1, pin);
    return (struct part){text, (size_t)head + 1 + strlen(pin)};
}

static bool user_key(struct operation *run, const struct pin *pin, const char *given, uint8_t key[SEAL_KEY]) {
    char text[MOST_TEXT];
    uint8_t keyed[MAC_BYTES];
    const struct part part = text_of(text, "banyan-token user ", run->state->serial, given);
    const bool good = hmac_sm3(run->device->machine_secret, 32, &part, 1, keyed) &&
                      pbkdf2_sm3(keyed, sizeof keyed, pin->salt, run->state->iterations, key, SEAL_KEY);
    wipe(text, sizeof text);
    wipe(keyed, sizeof keyed);
    return good;
}

static bool admin_wrapping_key(struct operation *run, const uint8_t wrapping[32], uint8_t key[SEAL_KEY]) {
    const struct part parts[] = {
        {"banyan-token admin ", 19}, {run->state->serial, strlen(run->state->serial)}, {"", 1}, {wrapping, 32}};
    return hmac_sm3(run->device->machine_secret, 32, parts, 4, key);
}

/* derived: what a response is protected with, then what the master key is wrapped with */
static bool admin_secrets(struct operation *run, const struct pin *pin, const char *given, uint8_t derived[64]) {
    char text[MOST_TEXT];
    const struct part part = text_of(text, "banyan-token admin ", run->state->serial, given);
    const bool good = pbkdf2_sm3(part.data, part.size, pin->salt, run->state->iterations, derived, 64);
    wipe(text, sizeof text);
    return good;
}

static struct part context_of(struct operation *run, ULONG type, uint8_t context[ID_BYTES + 1]) {
    memcpy(context, run->application->id, ID_BYTES);
    context[ID_BYTES] = (uint8_t)type;
    return (struct part){context, ID_BYTES + 1};
}

static ULONG unwrap(struct operation *run, ULONG type, const uint8_t key[SEAL_KEY], uint8_t master[SEAL_KEY],
                    ULONG *left) {
    struct pin *pin = &run->application->pins[type];
    uint8_t context[ID_BYTES + 1];
    const struct part bound = context_of(run, type, context);
    if (!(pin->is_older ? older_unwrap(run, type, key, master)
                        : unseal(key, bound, pin->wrapped, sizeof pin->wrapped, master)))
        return *left ? SAR_PIN_INCORRECT : SAR_PIN_LOCKED;
    if (pin->is_older && !seal(key, bound, master, SEAL_KEY, pin->wrapped)) return SAR_FAIL;
    pin->is_older = false;
    *left = pin->left = pin->tries;
    run->is_stored = false;
    return SAR_OK;
}

ULONG pin_set(struct operation *run, ULONG type, const char *given, const uint8_t master[SEAL_KEY], bool is_default) {
    struct pin *pin = &run->application->pins[type];
    uint8_t key[SEAL_KEY], derived[64], context[ID_BYTES + 1];
    bool good = RAND_bytes(pin->salt, SALT_BYTES) == 1;
    run->is_stored = false;
    if (type == USER_TYPE) {
        good = good && user_key(run, pin, given, key);
    } else {
        good = good && admin_secrets(run, pin, given, derived) && admin_wrapping_key(run, derived + 32, key);
        memcpy(run->application->response_key, derived, 32);
        wipe(derived, sizeof derived);
    }
    good = good && seal(key, context_of(run, type, context), master, SEAL_KEY, pin->wrapped);
    wipe(key, sizeof key);
    pin->left = pin->tries;
    pin->is_default = is_default;
    pin->is_older = false;
    pin->epoch++;
    run->application->is_challenged = false;
    return good ? SAR_OK : SAR_FAIL;
}

ULONG pin_spend(struct operation *run, ULONG type, ULONG *left) {
    struct pin *pin = &run->application->pins[type];
    *left = 0;
    if (pin->left == 0) return SAR_PIN_LOCKED;
    *left = --pin->left;
    return operation_store(run);
}

ULONG pin_open(struct operation *run, ULONG type, const char *given, uint8_t master[SEAL_KEY], ULONG *left) {
    struct pin *pin = &run->application->pins[type];
    uint8_t key[SEAL_KEY], derived[64];
    ULONG result = pin_check_form(given);
    *left = pin->left;
    if (result == SAR_OK) result = pin_spend(run, type, left);
    if (result != SAR_OK) return result;
    if (type == ADMIN_TYPE) {
        result = admin_secrets(run, pin, given, derived) ? pin_open_for_admin(run, derived + 32, master, left) : SAR_FAIL;
        wipe(derived, sizeof derived);
        return result;
    }
    result = user_key(run, pin, given, key) ? unwrap(run, type, key, master, left) : SAR_FAIL;
    wipe(key, sizeof key);
    return result;
}

ULONG pin_open_for_admin(struct operation *run, const uint8_t wrapping[32], uint8_t master[SEAL_KEY], ULONG *left) {
    uint8_t key[SEAL_KEY];
    const ULONG result = admin_wrapping_key(run, wrapping, key) ? unwrap(run, ADMIN_TYPE, key, master, left) : SAR_FAIL;
    wipe(key, sizeof key);
    return result;
}

ULONG SKF_GetPINInfo(HAPPLICATION hApplication, ULONG ulPINType, ULONG *pulMaxRetryCount, ULONG *pulRemainRetryCount,
                     BOOL *pbDefaultPin) {
    struct operation run;
    if (!pulMaxRetryCount || !pulRemainRetryCount || !pbDefaultPin) return SAR_INVALIDPARAMERR;
    if (ulPINType > USER_TYPE) return SAR_USER_TYPE_INVALID;
    const ULONG result = application_begin(&run, hApplication, false);
    if (result != SAR_OK) return result;
    const struct pin *pin = &run.application->pins[ulPINType];
    *pulMaxRetryCount = pin->tries;
    *pulRemainRetryCount = pin->left;
    *pbDefaultPin = pin->is_default;
    operation_end(&run);
    return SAR_OK;
}

ULONG SKF_VerifyPIN(HAPPLICATION hApplication, ULONG ulPINType, LPSTR szPIN, ULONG *pulRetryCount) {
    struct operation run;
    uint8_t master[SEAL_KEY];
    ULONG left = 0;
    if (!szPIN || !pulRetryCount) return SAR_INVALIDPARAMERR;
    if (ulPINType > USER_TYPE) return SAR_USER_TYPE_INVALID;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    result = pin_open(&run, ulPINType, szPIN, master, &left);
    if (result == SAR_OK) result = operation_store(&run);
    if (result == SAR_OK) result = login_keep(&run, ulPINType, master);
    else if (result == SAR_PIN_INCORRECT) login_drop(&run, ulPINType); /* as hardware does */
    wipe(master, sizeof master);
    operation_end(&run);
    *pulRetryCount = left;
    return result;
}

ULONG SKF_ChangePIN(HAPPLICATION hApplication, ULONG ulPINType, LPSTR szOldPin, LPSTR szNewPin, ULONG *pulRetryCount) {
    struct operation run;
    uint8_t master[SEAL_KEY];
    ULONG left = 0;
    if (!szOldPin || !szNewPin || !pulRetryCount) return SAR_INVALIDPARAMERR;
    if (ulPINType > USER_TYPE) return SAR_USER_TYPE_INVALID;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    *pulRetryCount = left = run.application->pins[ulPINType].left;
    result = pin_check_new(szNewPin, szOldPin);
    if (result == SAR_OK) {
        result = pin_open(&run, ulPINType, szOldPin, master, &left);
        if (result == SAR_OK) result = pin_set(&run, ulPINType, szNewPin, master, false);
        if (result == SAR_OK) result = operation_store(&run);
        if (result == SAR_OK) result = login_keep(&run, ulPINType, master);
        wipe(master, sizeof master);
    }
    operation_end(&run);
    *pulRetryCount = left;
    return result;
}

ULONG SKF_UnblockPIN(HAPPLICATION hApplication, LPSTR szAdminPIN, LPSTR szNewUserPIN, ULONG *pulRetryCount) {
    struct operation run;
    uint8_t master[SEAL_KEY];
    ULONG left = 0;
    if (!szAdminPIN || !szNewUserPIN || !pulRetryCount) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    left = run.application->pins[ADMIN_TYPE].left;
    result = pin_check_new(szNewUserPIN, NULL);
    if (result == SAR_OK) {
        result = pin_open(&run, ADMIN_TYPE, szAdminPIN, master, &left);
        if (result == SAR_OK) result = pin_set(&run, USER_TYPE, szNewUserPIN, master, true);
        if (result == SAR_OK) result = operation_store(&run);
        wipe(master, sizeof master);
    }
    operation_end(&run);
    *pulRetryCount = left;
    return result;
}

ULONG SKF_ClearSecureState(HAPPLICATION hApplication) {
    struct operation run;
    const ULONG result = application_begin(&run, hApplication, false);
    if (result != SAR_OK) return result;
    login_drop(&run, USER_TYPE);
    login_drop(&run, ADMIN_TYPE);
    operation_end(&run);
    return SAR_OK;
}
