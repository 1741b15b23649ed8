#include "keys.h"

#include <string.h>

/* What a sealed private key is bound to: moved to another place it does not open. */
static struct part context_of(struct operation *run, enum use use, const uint8_t point[SM2_POINT],
                              uint8_t context[ID_BYTES + 1 + SM2_POINT + CONTAINER_ROOM]) {
    const size_t name = strlen(run->container->name);
    memcpy(context, run->application->id, ID_BYTES);
    context[ID_BYTES] = (uint8_t)(2 + use); /* 0 and 1 are the PINs' */
    memcpy(context + ID_BYTES + 1, point, SM2_POINT);
    memcpy(context + ID_BYTES + 1 + SM2_POINT, run->container->name, name);
    return (struct part){context, ID_BYTES + 1 + SM2_POINT + name};
}

static EVP_PKEY *kept(struct login *login, const struct pair *pair) {
    for (unsigned i = 0; i < KEPT_KEYS; i++)
        if (login->kept[i].key && memcmp(login->kept[i].sealed, pair->sealed, sizeof pair->sealed) == 0)
            return login->kept[i].key;
    return NULL;
}

static EVP_PKEY *unsealed(struct operation *run, struct login *login, enum use use, const struct pair *pair) {
    uint8_t context[ID_BYTES + 1 + SM2_POINT + CONTAINER_ROOM];
    uint8_t *scalar = secret_new(SM2_SCALAR);
    EVP_PKEY *key = NULL;
    if (scalar && unseal(login->master, context_of(run, use, pair->point, context), pair->sealed, sizeof pair->sealed, scalar))
        key = sm2_private(scalar, pair->point);
    secret_free(scalar, SM2_SCALAR);
    if (!key) return NULL;
    const unsigned place = login->next_kept++ % KEPT_KEYS;
    EVP_PKEY_free(login->kept[place].key);
    memcpy(login->kept[place].sealed, pair->sealed, sizeof pair->sealed);
    return login->kept[place].key = key;
}

ULONG key_open(struct operation *run, enum use use, EVP_PKEY **key) {
    const struct pair *pair = &run->container->pairs[use];
    struct login *login = login_find(run, USER_TYPE);
    if (!login) return SAR_USER_NOT_LOGGED_IN;
    if (!pair->is_there) return SAR_KEYNOTFOUNTERR;
    *key = kept(login, pair);
    if (!*key) *key = unsealed(run, login, use, pair);
    return *key && EVP_PKEY_up_ref(*key) == 1 ? SAR_OK : SAR_FAIL;
}

bool key_seal(struct operation *run, enum use use, const uint8_t master[SEAL_KEY], const uint8_t scalar[SM2_SCALAR]) {
    uint8_t context[ID_BYTES + 1 + SM2_POINT + CONTAINER_ROOM];
    struct pair *pair = &run->container->pairs[use];
    return seal(master, context_of(run, use, pair->point, context), scalar, SM2_SCALAR, pair->sealed);
}

ULONG key_store(struct operation *run, enum use use, const uint8_t scalar[SM2_SCALAR], const uint8_t point[SM2_POINT]) {
    struct pair *pair = &run->container->pairs[use];
    struct login *login = login_find(run, USER_TYPE);
    if (!login) return SAR_USER_NOT_LOGGED_IN;
    if (pair->is_there) return memcmp(pair->point, point, SM2_POINT) == 0 ? SAR_OK : SAR_OBJERR;
    memcpy(pair->point, point, SM2_POINT);
    if (!key_seal(run, use, login->master, scalar)) return SAR_FAIL;
    pair->is_there = true;
    return operation_store(run);
}

ULONG SKF_GenECCKeyPair(HCONTAINER hContainer, ULONG ulAlgId, ECCPUBLICKEYBLOB *pBlob) {
    struct operation run;
    uint8_t point[SM2_POINT];
    if (!pBlob) return SAR_INVALIDPARAMERR;
    /* The second is what the standard's first edition, and many callers, mean by SGD_SM2_1. */
    if (ulAlgId != SGD_SM2_1 && ulAlgId != SGD_SM2) return SAR_NOTSUPPORTYETERR;
    ULONG result = container_begin(&run, hContainer, true);
    if (result != SAR_OK) return result;
    uint8_t *scalar = secret_new(SM2_SCALAR);
    if (!scalar) result = SAR_MEMORYERR;
    else if (!login_find(&run, USER_TYPE)) result = SAR_USER_NOT_LOGGED_IN;
    else if (run.container->pairs[SIGNING].is_there) result = SAR_OBJERR;
    else result = sm2_generate(scalar, point) ? key_store(&run, SIGNING, scalar, point) : SAR_FAIL;
    secret_free(scalar, SM2_SCALAR);
    operation_end(&run);
    if (result == SAR_OK) point_to_blob(point, pBlob);
    return result;
}

ULONG SKF_ExportPublicKey(HCONTAINER hContainer, BOOL bSignFlag, BYTE *pbBlob, ULONG *pulBlobLen) {
    struct operation run;
    ECCPUBLICKEYBLOB blob;
    if (!pulBlobLen) return SAR_INVALIDPARAMERR;
    ULONG result = container_begin(&run, hContainer, false);
    if (result != SAR_OK) return result;
    const struct pair *pair = &run.container->pairs[bSignFlag ? SIGNING : ENCRYPTION];
    if (pair->is_there) point_to_blob(pair->point, &blob);
    else result = SAR_KEYNOTFOUNTERR;
    operation_end(&run);
    return result == SAR_OK ? give(&blob, sizeof blob, pbBlob, pulBlobLen) : result;
}
