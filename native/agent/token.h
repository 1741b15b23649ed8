/* A device that is there and its application, for the length of one operation. Worker process only. */
#ifndef AGENT_TOKEN_H
#define AGENT_TOKEN_H

#include <jansson.h>

#include "bytes.h"
#include "skf_library.h"
#include "sm2.h"

#define SERIAL_SIZE 33

struct token {
    struct skf *skf;
    const json_t *profile;
    DEVHANDLE dev;
    HAPPLICATION app;
    DEVINFO info;
    char serial[SERIAL_SIZE];
    char application[128];
    bool is_logged_in;
};

/* SAR_DEVICE_REMOVED when there is none with this serial number. What was opened is closed by token_close, whatever came. */
ULONG token_connect(struct token *token, struct skf *skf, const json_t *profile, const char *serial);
ULONG token_open_application(struct token *token);
void token_close(struct token *token);

ULONG token_connect_name(struct token *token, struct skf *skf, const json_t *profile, const char *name);
ULONG token_log_in(struct token *token, const char *pin, int *tries_left);
ULONG token_pin_info(struct token *token, ULONG *most, ULONG *left, BOOL *is_first);

/* AGENT_FIRST_PIN as long as the PIN is the one that the issuer set. */
ULONG token_has_own_pin(struct token *token);

/* The names of a list, each ended by zero. */
ULONG token_devices(struct skf *skf, struct bytes *names);
ULONG token_containers(struct token *token, struct bytes *names);
bool names_have(const struct bytes *names, const char *name);

/* SAR_KEYNOTFOUNTERR when there is no such container. */
ULONG token_container(struct token *token, const char *name, HCONTAINER *box);
ULONG token_container_made(struct token *token, const char *name, HCONTAINER *box);

/* SAR_OK and nothing in it when the container has none. */
ULONG token_point(struct token *token, HCONTAINER box, bool is_signing, uint8_t point[POINT], bool *is_there);
ULONG token_certificate(struct token *token, HCONTAINER box, bool is_signing, struct bytes *der);

/* Signature by the key of the container over a message: SM3 with Z, then SM2. */
ULONG token_sign(struct token *token, HCONTAINER box, const void *message, size_t size, struct bytes *signature);

#endif
