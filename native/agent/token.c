#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json.h"

#define LONGEST_LIST (1u << 16)
#define LONGEST_CERTIFICATE (1u << 14)
#define DIGEST_PIECE 1024 /* every device takes this much at once */

enum list { DEVICES, APPLICATIONS, CONTAINERS };

static ULONG enumerate(struct skf *skf, enum list which, HANDLE of, LPSTR names, ULONG *size) {
    if (which == DEVICES) return SKF(skf, EnumDev, TRUE, names, size);
    if (which == APPLICATIONS) return SKF(skf, EnumApplication, of, names, size);
    return SKF(skf, EnumContainer, of, names, size);
}

static ULONG listed(struct skf *skf, enum list which, HANDLE of, struct bytes *names) {
    ULONG size = 0, code = enumerate(skf, which, of, NULL, &size);
    *names = (struct bytes){NULL, 0};
    if (code != SAR_OK || size > LONGEST_LIST) return code == SAR_OK ? SAR_BUFFER_TOO_SMALL : code;
    /* A token may come between the two calls: some room more. */
    size += 256;
    const ULONG room = size;
    names->data = must_have(calloc(1, room + 2));
    code = enumerate(skf, which, of, (LPSTR)names->data, &size);
    names->size = code == SAR_OK && size <= room ? size : 0;
    return code;
}

#define EACH_NAME(names, name)                                                                              \
    for (const char *name = (const char *)(names).data;                                                     \
         name && *name && name < (const char *)(names).data + (names).size; name += strlen(name) + 1)

bool names_have(const struct bytes *names, const char *name) {
    EACH_NAME(*names, each) if (!strcmp(each, name)) return true;
    return false;
}

ULONG token_devices(struct skf *skf, struct bytes *names) { return listed(skf, DEVICES, NULL, names); }

ULONG token_containers(struct token *token, struct bytes *names) {
    return listed(token->skf, CONTAINERS, token->app, names);
}

ULONG token_connect_name(struct token *token, struct skf *skf, const json_t *profile, const char *name) {
    *token = (struct token){.skf = skf, .profile = profile};
    ULONG code = SKF(skf, ConnectDev, (LPSTR)name, &token->dev);
    if (code != SAR_OK) {
        token->dev = NULL;
        return code;
    }
    code = SKF(skf, GetDevInfo, token->dev, &token->info);
    memcpy(token->serial, token->info.SerialNumber, SERIAL_SIZE - 1);
    return code;
}

static ULONG connect_as(struct token *token, struct skf *skf, const json_t *profile, const char *name,
                        const char *serial) {
    ULONG code = token_connect_name(token, skf, profile, name);
    if (code == SAR_OK && strcmp(token->serial, serial) != 0) code = SAR_DEVICE_REMOVED;
    if (code != SAR_OK) token_close(token);
    return code;
}

ULONG token_connect(struct token *token, struct skf *skf, const json_t *profile, const char *serial) {
    static char last_name[256]; /* a worker serves one token: it is usually where it was */
    struct bytes names;
    if (*last_name && connect_as(token, skf, profile, last_name, serial) == SAR_OK) return SAR_OK;
    *token = (struct token){.skf = skf, .profile = profile};
    ULONG code = token_devices(skf, &names), found = SAR_DEVICE_REMOVED;
    EACH_NAME(names, name) {
        if (found == SAR_OK) break;
        if (connect_as(token, skf, profile, name, serial) != SAR_OK) continue;
        found = SAR_OK;
        if (strlen(name) < sizeof last_name) strcpy(last_name, name);
    }
    bytes_free(&names);
    return code == SAR_OK ? found : code;
}

ULONG token_open_application(struct token *token) {
    const char *wanted = json_text(token->profile, "application");
    struct bytes names = {NULL, 0};
    ULONG code = SAR_OK;
    if (!wanted || !*wanted) { /* the device's first one */
        code = listed(token->skf, APPLICATIONS, token->dev, &names);
        if (code == SAR_OK && (!names.size || !*names.data)) code = SAR_APPLICATION_NOT_EXISTS;
        wanted = (const char *)names.data;
    }
    if (code == SAR_OK && strlen(wanted) >= sizeof token->application) code = SAR_NAMELENERR;
    if (code == SAR_OK) {
        strcpy(token->application, wanted);
        code = SKF(token->skf, OpenApplication, token->dev, token->application, &token->app);
        if (code != SAR_OK) token->app = NULL;
    }
    bytes_free(&names);
    return code;
}

void token_close(struct token *token) {
    /* A log-in belongs to the process: it must not outlast the message that brought the PIN. */
    if (token->is_logged_in) SKF(token->skf, ClearSecureState, token->app);
    if (token->app) SKF(token->skf, CloseApplication, token->app);
    if (token->dev) SKF(token->skf, DisConnectDev, token->dev);
    token->is_logged_in = false;
    token->app = token->dev = NULL;
}

ULONG token_log_in(struct token *token, const char *pin, int *tries_left) {
    ULONG left = 0;
    if (!pin) return SAR_USER_NOT_LOGGED_IN;
    const ULONG code = SKF(token->skf, VerifyPIN, token->app, USER_TYPE, (LPSTR)pin, &left);
    token->is_logged_in = code == SAR_OK;
    if (code == SAR_PIN_INCORRECT || code == SAR_PIN_LOCKED) *tries_left = (int)left;
    return code;
}

ULONG token_pin_info(struct token *token, ULONG *most, ULONG *left, BOOL *is_first) {
    *most = *left = 0;
    *is_first = FALSE;
    return SKF(token->skf, GetPINInfo, token->app, USER_TYPE, most, left, is_first);
}

ULONG token_has_own_pin(struct token *token) {
    ULONG most, left;
    BOOL is_first;
    const ULONG code = token_pin_info(token, &most, &left, &is_first);
    return code == SAR_OK && is_first ? AGENT_FIRST_PIN : code;
}

ULONG token_container(struct token *token, const char *name, HCONTAINER *box) {
    struct bytes names;
    *box = NULL;
    /* Vendors answer differently to a name that is not there: the list is what all agree on. */
    ULONG code = token_containers(token, &names);
    if (code == SAR_OK && !names_have(&names, name)) code = SAR_KEYNOTFOUNTERR;
    if (code == SAR_OK) code = SKF(token->skf, OpenContainer, token->app, (LPSTR)name, box);
    bytes_free(&names);
    return code;
}

ULONG token_container_made(struct token *token, const char *name, HCONTAINER *box) {
    const ULONG code = token_container(token, name, box);
    if (code != SAR_KEYNOTFOUNTERR) return code;
    return SKF(token->skf, CreateContainer, token->app, (LPSTR)name, box);
}

ULONG token_point(struct token *token, HCONTAINER box, bool is_signing, uint8_t point[POINT], bool *is_there) {
    ECCPUBLICKEYBLOB blob;
    ULONG size = sizeof blob;
    const ULONG code = SKF(token->skf, ExportPublicKey, box, is_signing, (BYTE *)&blob, &size);
    *is_there = code == SAR_OK && size == sizeof blob;
    if (*is_there) point_of_blob(&blob, point);
    /* A container without a key is none of the standard's cases; a removed device is one. */
    return code == SAR_DEVICE_REMOVED || code == SAR_INVALIDHANDLEERR ? code : SAR_OK;
}

ULONG token_certificate(struct token *token, HCONTAINER box, bool is_signing, struct bytes *der) {
    ULONG size = 0, code = SKF(token->skf, ExportCertificate, box, is_signing, NULL, &size);
    *der = (struct bytes){NULL, 0};
    if (code == SAR_OK && size && size <= LONGEST_CERTIFICATE) {
        der->data = must_have(calloc(1, size + 1));
        der->size = size;
        code = SKF(token->skf, ExportCertificate, box, is_signing, der->data, &size);
        if (code == SAR_OK && size <= der->size) der->size = size;
        else bytes_free(der);
    }
    return code == SAR_DEVICE_REMOVED || code == SAR_INVALIDHANDLEERR ? code : SAR_OK;
}

static ULONG digested(struct token *token, const uint8_t point[POINT], const uint8_t *message, size_t size,
                      BYTE digest[32]) {
    ECCPUBLICKEYBLOB key;
    HANDLE hash = NULL;
    ULONG room = 32;
    blob_of_point(point, &key);
    ULONG code = SKF(token->skf, DigestInit, token->dev, SGD_SM3, &key, (unsigned char *)IDENTITY,
                     sizeof IDENTITY - 1, &hash);
    if (code != SAR_OK) return code;
    for (size_t at = 0; code == SAR_OK && at < size; at += DIGEST_PIECE) {
        const size_t piece = size - at < DIGEST_PIECE ? size - at : DIGEST_PIECE;
        code = SKF(token->skf, DigestUpdate, hash, (BYTE *)message + at, (ULONG)piece);
    }
    if (code == SAR_OK) code = SKF(token->skf, DigestFinal, hash, digest, &room);
    SKF(token->skf, CloseHandle, hash);
    return code;
}

ULONG token_sign(struct token *token, HCONTAINER box, const void *message, size_t size, struct bytes *signature) {
    uint8_t point[POINT];
    BYTE digest[32];
    ECCSIGNATUREBLOB blob;
    bool is_there;
    ULONG code = token_point(token, box, true, point, &is_there);
    if (code == SAR_OK && !is_there) code = SAR_KEYNOTFOUNTERR;
    if (code == SAR_OK) code = digested(token, point, message, size, digest);
    if (code == SAR_OK) code = SKF(token->skf, ECCSignData, box, digest, sizeof digest, &blob);
    if (code == SAR_OK) *signature = der_of_signature(&blob);
    return code;
}
