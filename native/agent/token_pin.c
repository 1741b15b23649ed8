/* PINs: change, unblock. */
#include "errors.h"
#include "json.h"
#include "operations.h"
#include "token.h"

static ULONG opened(struct token *token, struct skf *skf, const json_t *asked) {
    const ULONG code = token_connect(token, skf, json_object_get(asked, "profile"), json_text(asked, "serial"));
    return code == SAR_OK ? token_open_application(token) : code;
}

static ULONG change(struct token *token, const char *from, const char *to, int *tries_left) {
    ULONG left = 0;
    if (!from || !to) return AGENT_MALFORMED;
    const ULONG code = SKF(token->skf, ChangePIN, token->app, USER_TYPE, (LPSTR)from, (LPSTR)to, &left);
    if (code == SAR_PIN_INCORRECT || code == SAR_PIN_LOCKED) *tries_left = (int)left;
    return code;
}

ULONG token_change_pin(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct token token;
    (void)result;
    ULONG code = opened(&token, skf, asked);
    if (code == SAR_OK) code = change(&token, json_text(asked, "pin"), json_text(asked, "new_pin"), tries_left);
    token.is_logged_in = code == SAR_OK; /* with some vendors a change logs in */
    token_close(&token);
    return code;
}

ULONG token_unblock_asked(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    struct token token;
    char text[1024];
    ULONG size = sizeof text;
    (void)tries_left;
    if (!skf->GenRemoteUnblockRequest) return SAR_NOTSUPPORTYETERR;
    ULONG code = opened(&token, skf, asked);
    if (code == SAR_OK) code = SKF(skf, GenRemoteUnblockRequest, token.app, text, &size);
    if (code == SAR_OK) json_put_text(result, "unblock_request", text);
    token_close(&token);
    return code;
}

ULONG token_unblock(struct skf *skf, const json_t *asked, json_t *result, int *tries_left) {
    const char *response = json_text(asked, "response");
    struct token token;
    ULONG left = 0; /* tries of the administrator's PIN: nothing the holder can use */
    (void)result;
    (void)tries_left;
    if (!skf->RemoteUnblockPIN) return SAR_NOTSUPPORTYETERR;
    if (!response) return AGENT_TASK;
    ULONG code = opened(&token, skf, asked);
    if (code == SAR_OK) code = SKF(skf, RemoteUnblockPIN, token.app, (LPSTR)response, &left);
    token_close(&token);
    return code;
}
