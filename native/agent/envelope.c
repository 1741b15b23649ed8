#include "envelope.h"

#include <string.h>

#include "json.h"

void envelope_place_key(const json_t *profile, struct bytes *envelope) {
    const char *where = json_text(profile, "key_field");
    ENVELOPEDKEYBLOB *blob = (ENVELOPEDKEYBLOB *)envelope->data;
    if (!where || strcmp(where, "offset0") != 0) return;
    memmove(blob->cbEncryptedPriKey, blob->cbEncryptedPriKey + 32, 32);
    memset(blob->cbEncryptedPriKey + 32, 0, 32);
}
