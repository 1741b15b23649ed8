/*
 * Multi-buffer tier of engine "ipp": Intel's libcrypto_mb, 8 SM2 operations or 16 hashes and ciphers at once.
 *
 * The library reads past shorter messages, or crashes, when the lanes of one call need different numbers of SM3 blocks.
 * So messages are gathered by block count, and a call that is not full repeats its first lane into a place nobody reads.
 * Empty messages go to the single-buffer tier.
 */
#include <crypto_mb/cpu_features.h>
#include <crypto_mb/ec_sm2.h>
#include <crypto_mb/sm3.h>
#include <limits.h>

#include "ipp.h"

#define SM2_LANES 8
#define HASH_LANES 16
#define BLOCK 64
#define LONGEST ((uint64_t)INT_MAX - 4 * BLOCK)
#define WORDS 4

void bgm_lanes_start(void) {
    bgm_lanes_sm2 = mbx_get_algo_info(MBX_ALGO_EC_SM2) != 0;
    bgm_lanes_sm3 = mbx_get_algo_info(MBX_ALGO_SM3) != 0;
    bgm_lanes_sm4 = mbx_get_algo_info(MBX_ALGO_SM4) != 0;
}

/* ---- gathering messages of one block count ---- */

#define SLOTS 32

struct lane {
    size_t index;
    const uint8_t *data;
    int length;
};

struct group {
    uint64_t shape; /* 0: nobody waits here */
    int used;
    struct lane lanes[HASH_LANES];
};

typedef int (*flush_function)(void *context, const struct group *group);

struct gatherer {
    int width;
    flush_function flush;
    void *context;
    struct group groups[SLOTS];
};

/*
 * What must be equal within one call, for a message that follows `before` bytes of the same hash: its whole blocks and
 * its padded blocks. Both, because the whole blocks are hashed when the message arrives and the rest at the end.
 */
static uint64_t shape_of(uint64_t before, uint64_t length) {
    uint64_t total = before + length;
    return (total / BLOCK) << 1 | (total % BLOCK >= BLOCK - 8 ? 1 : 0);
}

static int gather_flush(struct gatherer *gatherer, struct group *group) {
    if (group->used == 0) return 0;
    int code = gatherer->flush(gatherer->context, group);
    group->used = 0;
    return code;
}

static int gather(struct gatherer *gatherer, uint64_t before, size_t index, const uint8_t *data, uint64_t length) {
    uint64_t shape = shape_of(before, length) + 1;
    struct group *group = &gatherer->groups[shape % SLOTS];
    int code = 0;
    if (group->shape != shape) code = gather_flush(gatherer, group);
    group->shape = shape;
    group->lanes[group->used].index = index;
    group->lanes[group->used].data = data;
    group->lanes[group->used].length = (int)length;
    group->used++;
    if (code == 0 && group->used == gatherer->width) code = gather_flush(gatherer, group);
    return code;
}

static int gather_end(struct gatherer *gatherer) {
    int code = 0;
    for (int i = 0; code == 0 && i < SLOTS; i++) code = gather_flush(gatherer, &gatherer->groups[i]);
    return code;
}

static struct gatherer *gatherer_new(int width, flush_function flush, void *context) {
    struct gatherer *gatherer = calloc(1, sizeof *gatherer);
    if (gatherer == NULL) return NULL;
    gatherer->width = width;
    gatherer->flush = flush;
    gatherer->context = context;
    return gatherer;
}

/* ---- SM3 ---- */

static int flush_sm3(void *context, const struct group *group) {
    uint8_t *digests = context;
    uint8_t nowhere[HASH_LANES][DIGEST];
    const int8u *messages[HASH_LANES];
    int8u *results[HASH_LANES];
    int lengths[HASH_LANES];
    const struct lane *first = &group->lanes[0];
    if (group->used == 1) return single_sm3(first->data, (size_t)first->length, digests + first->index * DIGEST);
    for (int i = 0; i < HASH_LANES; i++) {
        const struct lane *lane = i < group->used ? &group->lanes[i] : first;
        messages[i] = lane->data;
        lengths[i] = lane->length;
        results[i] = i < group->used ? digests + lane->index * DIGEST : nowhere[i];
    }
    return mbx_sm3_msg_digest_mb16(messages, lengths, results) == 0 ? 0 : BGM_LIBRARY;
}

int lanes_sm3_many(const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *digests) {
    struct gatherer *gatherer = gatherer_new(HASH_LANES, flush_sm3, digests);
    int code = gatherer == NULL ? BGM_MEMORY : 0;
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], i++) {
        if (lengths[i] == 0 || lengths[i] > LONGEST)
            code = single_sm3(data, lengths[i], digests + i * DIGEST);
        else
            code = gather(gatherer, 0, i, data, lengths[i]);
    }
    if (code == 0) code = gather_end(gatherer);
    free(gatherer);
    return code;
}

/* ---- HMAC-SM3: the states after the two key blocks are made once, in all lanes ---- */

struct keyed {
    SM3_CTX_mb16 inner, outer, work;
    uint8_t *macs;
};

static int keyed_block(SM3_CTX_mb16 *state, const uint8_t *key, uint8_t mask) {
    uint8_t block[BLOCK];
    const int8u *messages[HASH_LANES];
    int lengths[HASH_LANES];
    for (int i = 0; i < BLOCK; i++) block[i] = key[i] ^ mask;
    for (int i = 0; i < HASH_LANES; i++) messages[i] = block, lengths[i] = BLOCK;
    int good = mbx_sm3_init_mb16(state) == 0 && mbx_sm3_update_mb16(messages, lengths, state) == 0;
    bgm_wipe(block, sizeof block);
    return good ? 0 : BGM_LIBRARY;
}

static int flush_hmac(void *context, const struct group *group) {
    struct keyed *keyed = context;
    uint8_t inner[HASH_LANES][DIGEST], nowhere[HASH_LANES][DIGEST];
    const int8u *messages[HASH_LANES], *digests[HASH_LANES];
    int8u *inners[HASH_LANES], *results[HASH_LANES];
    int lengths[HASH_LANES], digest_lengths[HASH_LANES];
    for (int i = 0; i < HASH_LANES; i++) {
        const struct lane *lane = &group->lanes[i < group->used ? i : 0];
        messages[i] = lane->data;
        lengths[i] = lane->length;
        digests[i] = inners[i] = inner[i];
        digest_lengths[i] = DIGEST;
        results[i] = i < group->used ? keyed->macs + lane->index * DIGEST : nowhere[i];
    }
    keyed->work = keyed->inner;
    int good = mbx_sm3_update_mb16(messages, lengths, &keyed->work) == 0 && mbx_sm3_final_mb16(inners, &keyed->work) == 0;
    keyed->work = keyed->outer;
    good = good && mbx_sm3_update_mb16(digests, digest_lengths, &keyed->work) == 0 &&
           mbx_sm3_final_mb16(results, &keyed->work) == 0;
    return good ? 0 : BGM_LIBRARY;
}

static struct keyed *keyed_new(const uint8_t *key, size_t key_length, uint8_t *macs, int *code) {
    uint8_t padded[BLOCK] = {0};
    void *memory = NULL;
    *code = 0;
    if (posix_memalign(&memory, 64, sizeof(struct keyed)) != 0) {
        *code = BGM_MEMORY;
        return NULL;
    }
    struct keyed *keyed = memory;
    memset(keyed, 0, sizeof *keyed);
    keyed->macs = macs;
    if (key_length > BLOCK)
        *code = single_sm3(key, key_length, padded);
    else if (key_length > 0)
        memcpy(padded, key, key_length);
    if (*code == 0) *code = keyed_block(&keyed->inner, padded, 0x36);
    if (*code == 0) *code = keyed_block(&keyed->outer, padded, 0x5c);
    bgm_wipe(padded, sizeof padded);
    return keyed;
}

int lanes_hmac_many(const uint8_t *key, size_t key_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                    uint8_t *macs) {
    int code;
    if (count == 1) return single_hmac_many(key, key_length, data, lengths, count, macs);
    struct keyed *keyed = keyed_new(key, key_length, macs, &code);
    struct gatherer *gatherer = gatherer_new(HASH_LANES, flush_hmac, keyed);
    if (code == 0 && gatherer == NULL) code = BGM_MEMORY;
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], i++) {
        if (lengths[i] == 0 || lengths[i] > LONGEST)
            code = single_hmac_many(key, key_length, data, lengths + i, 1, macs + i * DIGEST);
        else
            code = gather(gatherer, BLOCK, i, data, lengths[i]);
    }
    if (code == 0) code = gather_end(gatherer);
    free(gatherer);
    bgm_wipe(keyed, keyed == NULL ? 0 : sizeof *keyed);
    free(keyed);
    return code;
}

/* ---- SM2: numbers cross as four 64-bit words, the least first ---- */

struct numbers {
    int64u words[SM2_LANES][WORDS] __attribute__((aligned(64)));
    int64u *lanes[SM2_LANES];
};

static void numbers_open(struct numbers *numbers) {
    for (int i = 0; i < SM2_LANES; i++) numbers->lanes[i] = numbers->words[i];
}

static void to_words(const uint8_t *value, int64u *words) {
    for (int i = 0; i < WORDS; i++) {
        uint64_t word;
        memcpy(&word, value + 8 * (WORDS - 1 - i), 8);
        words[i] = __builtin_bswap64(word);
    }
}

static void from_words(const int64u *words, uint8_t *value) {
    for (int i = 0; i < WORDS; i++) {
        uint64_t word = __builtin_bswap64(words[i]);
        memcpy(value + 8 * (WORDS - 1 - i), &word, 8);
    }
}

static const int64u *const *as_input(const struct numbers *numbers) {
    return (const int64u *const *)numbers->lanes;
}

int lanes_public_many(const uint8_t *private_keys, size_t count, uint8_t *public_keys, size_t *failed) {
    struct numbers x, y, scalars;
    int code = 0;
    numbers_open(&x), numbers_open(&y), numbers_open(&scalars);
    for (size_t start = 0; code == 0 && start < count; start += SM2_LANES) {
        size_t used = count - start < SM2_LANES ? count - start : SM2_LANES;
        *failed = start;
        for (size_t i = 0; i < SM2_LANES; i++)
            to_words(private_keys + (start + (i < used ? i : 0)) * KEY, scalars.words[i]);
        if (mbx_sm2_ecpublic_key_mb8(x.lanes, y.lanes, NULL, as_input(&scalars), NULL) != 0) code = BGM_LIBRARY;
        for (size_t i = 0; code == 0 && i < used; i++) {
            uint8_t *point = public_keys + (start + i) * POINT;
            point[0] = 0x04;
            from_words(x.words[i], point + 1);
            from_words(y.words[i], point + 1 + KEY);
        }
    }
    bgm_wipe(&scalars, sizeof scalars);
    return code;
}

struct signing {
    const uint8_t *private_keys, *public_keys, *scalars, *id;
    int id_length;
    uint8_t *signatures;
    size_t *failed;
    struct numbers x, y, keys, ephemerals;
};

static int flush_sign(void *context, const struct group *group) {
    struct signing *signing = context;
    uint8_t nowhere[SM2_LANES][SIGNATURE];
    int8u *r[SM2_LANES], *s[SM2_LANES];
    const int8u *ids[SM2_LANES], *messages[SM2_LANES];
    int id_lengths[SM2_LANES], lengths[SM2_LANES];
    for (int i = 0; i < SM2_LANES; i++) {
        const struct lane *lane = &group->lanes[i < group->used ? i : 0];
        const uint8_t *point = signing->public_keys + lane->index * POINT;
        uint8_t *signature = i < group->used ? signing->signatures + lane->index * SIGNATURE : nowhere[i];
        to_words(point + 1, signing->x.words[i]);
        to_words(point + 1 + KEY, signing->y.words[i]);
        to_words(signing->private_keys + lane->index * KEY, signing->keys.words[i]);
        to_words(signing->scalars + lane->index * KEY, signing->ephemerals.words[i]);
        r[i] = signature, s[i] = signature + KEY;
        ids[i] = signing->id, id_lengths[i] = signing->id_length;
        messages[i] = lane->data, lengths[i] = lane->length;
    }
    *signing->failed = group->lanes[0].index;
    mbx_status status = mbx_sm2_ecdsa_sign_mb8(r, s, ids, id_lengths, messages, lengths, as_input(&signing->ephemerals),
                                               as_input(&signing->keys), as_input(&signing->x), as_input(&signing->y),
                                               NULL, NULL);
    return status == 0 ? 0 : BGM_LIBRARY;
}

/* The few that do not fit a lane: empty messages, and those longer than the library counts. */
static int sign_alone(const struct signing *signing, size_t index, const uint8_t *data, const uint64_t *length) {
    uint8_t digest[DIGEST];
    size_t failed;
    int code = single_digest_many(signing->id, (size_t)signing->id_length, signing->public_keys + index * POINT, data,
                                  length, 1, digest);
    if (code != 0) return code;
    return single_sign_many(signing->private_keys + index * KEY, digest, signing->scalars + index * KEY, 1,
                            signing->signatures + index * SIGNATURE, &failed);
}

int lanes_sign_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *id, size_t id_length,
                    const uint8_t *data, const uint64_t *lengths, size_t count, const uint8_t *scalars,
                    uint8_t *signatures, size_t *failed) {
    struct signing signing = {.private_keys = private_keys, .public_keys = public_keys, .scalars = scalars, .id = id,
                              .id_length = (int)id_length, .signatures = signatures, .failed = failed};
    numbers_open(&signing.x), numbers_open(&signing.y), numbers_open(&signing.keys), numbers_open(&signing.ephemerals);
    struct gatherer *gatherer = gatherer_new(SM2_LANES, flush_sign, &signing);
    int code = gatherer == NULL ? BGM_MEMORY : 0;
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], i++) {
        if (lengths[i] == 0 || lengths[i] > LONGEST)
            code = sign_alone(&signing, i, data, lengths + i);
        else
            code = gather(gatherer, DIGEST, i, data, lengths[i]);
    }
    if (code == 0) code = gather_end(gatherer);
    free(gatherer);
    bgm_wipe(&signing, sizeof signing);
    return code;
}

struct verifying {
    const uint8_t *public_keys, *signatures, *id;
    int id_length;
    uint8_t *valid;
    struct numbers x, y;
};

static int flush_verify(void *context, const struct group *group) {
    struct verifying *verifying = context;
    const int8u *r[SM2_LANES], *s[SM2_LANES], *ids[SM2_LANES], *messages[SM2_LANES];
    int id_lengths[SM2_LANES], lengths[SM2_LANES];
    for (int i = 0; i < SM2_LANES; i++) {
        const struct lane *lane = &group->lanes[i < group->used ? i : 0];
        const uint8_t *point = verifying->public_keys + lane->index * POINT;
        to_words(point + 1, verifying->x.words[i]);
        to_words(point + 1 + KEY, verifying->y.words[i]);
        r[i] = verifying->signatures + lane->index * SIGNATURE;
        s[i] = r[i] + KEY;
        ids[i] = verifying->id, id_lengths[i] = verifying->id_length;
        messages[i] = lane->data, lengths[i] = lane->length;
    }
    mbx_status status = mbx_sm2_ecdsa_verify_mb8(r, s, ids, id_lengths, messages, lengths, as_input(&verifying->x),
                                                 as_input(&verifying->y), NULL, NULL);
    for (int i = 0; i < group->used; i++) {
        mbx_status lane_status = MBX_GET_STS(status, i);
        if (lane_status == MBX_STATUS_UNSUPPORTED_ISA_ERR || lane_status == MBX_STATUS_NULL_PARAM_ERR)
            return BGM_LIBRARY;
        verifying->valid[group->lanes[i].index] = lane_status == MBX_STATUS_OK;
    }
    return 0;
}

static int verify_alone(const struct verifying *verifying, size_t index, const uint8_t *data, const uint64_t *length) {
    uint8_t digest[DIGEST];
    const uint8_t *point = verifying->public_keys + index * POINT;
    int code = single_digest_many(verifying->id, (size_t)verifying->id_length, point, data, length, 1, digest);
    if (code != 0) return code;
    return single_verify_many(point, digest, verifying->signatures + index * SIGNATURE, 1, verifying->valid + index);
}

int lanes_verify_many(const uint8_t *public_keys, const uint8_t *id, size_t id_length, const uint8_t *data,
                      const uint64_t *lengths, const uint8_t *signatures, size_t count, uint8_t *valid) {
    struct verifying verifying = {.public_keys = public_keys, .signatures = signatures, .id = id,
                                  .id_length = (int)id_length, .valid = valid};
    numbers_open(&verifying.x), numbers_open(&verifying.y);
    /* The lanes test the range of coordinates but not the curve: points are checked first. */
    int code = single_check_many(public_keys, count, valid);
    struct gatherer *gatherer = gatherer_new(SM2_LANES, flush_verify, &verifying);
    if (gatherer == NULL) code = BGM_MEMORY;
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], i++) {
        const uint8_t *signature = signatures + i * SIGNATURE;
        if (!valid[i]) continue;
        if (!bgm_in_range(signature, bgm_n) || !bgm_in_range(signature + KEY, bgm_n))
            valid[i] = 0;
        else if (lengths[i] == 0 || lengths[i] > LONGEST)
            code = verify_alone(&verifying, i, data, lengths + i);
        else
            code = gather(gatherer, DIGEST, i, data, lengths[i]);
    }
    if (code == 0) code = gather_end(gatherer);
    free(gatherer);
    return code;
}
