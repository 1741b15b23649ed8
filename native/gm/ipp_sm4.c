/* SM4 of engine "ipp": one text at a time by libippcp, sixteen pieces at a time by libcrypto_mb. */
#include <crypto_mb/sm4.h>
#include <ippcp.h>

#include "ipp.h"

#define LANES 16
#define CHECK(call) \
    do { \
        if ((call) != ippStsNoErr) return BGM_LIBRARY; \
    } while (0)

/* ---- one at a time ---- */

enum { ECB_ENCRYPT, ECB_DECRYPT, CBC_ENCRYPT, CBC_DECRYPT, CTR };

static IppStatus sm4_part(int mode, const uint8_t *data, uint8_t *result, int length, const IppsSMS4Spec *schedule,
                          uint8_t *iv) {
    switch (mode) {
    case ECB_ENCRYPT: return ippsSMS4EncryptECB(data, result, length, schedule);
    case ECB_DECRYPT: return ippsSMS4DecryptECB(data, result, length, schedule);
    case CBC_ENCRYPT: return ippsSMS4EncryptCBC(data, result, length, schedule, iv);
    case CBC_DECRYPT: return ippsSMS4DecryptCBC(data, result, length, schedule, iv);
    default: return ippsSMS4EncryptCTR(data, result, length, schedule, iv, 128);
    }
}

static int sm4(int mode, const uint8_t *key, const uint8_t *first_iv, const uint8_t *data, size_t length,
               uint8_t *result) {
    uint8_t iv[16] = {0};
    int size, good;
    if (length == 0) return 0;
    CHECK(ippsSMS4GetSize(&size));
    IppsSMS4Spec *schedule = malloc((size_t)size);
    if (schedule == NULL) return BGM_MEMORY;
    if (first_iv != NULL) memcpy(iv, first_iv, sizeof iv);
    good = ippsSMS4Init(key, 16, schedule, size) == ippStsNoErr;
    while (good && length > 0) {
        size_t part = length < ((size_t)1 << 30) ? length : (size_t)1 << 30;
        good = sm4_part(mode, data, result, (int)part, schedule, iv) == ippStsNoErr;
        if (mode == CBC_ENCRYPT) memcpy(iv, result + part - 16, 16);
        if (mode == CBC_DECRYPT) memcpy(iv, data + part - 16, 16);
        data += part, result += part, length -= part;
    }
    bgm_wipe(schedule, (size_t)size);
    free(schedule);
    return good ? 0 : BGM_LIBRARY;
}

int single_ecb(int encrypt, const uint8_t *key, const uint8_t *data, size_t length, uint8_t *result) {
    if (length % 16) return BGM_LENGTH;
    return sm4(encrypt ? ECB_ENCRYPT : ECB_DECRYPT, key, NULL, data, length, result);
}

int single_cbc(int encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *data, size_t length,
               uint8_t *result) {
    if (length % 16) return BGM_LENGTH;
    return sm4(encrypt ? CBC_ENCRYPT : CBC_DECRYPT, key, iv, data, length, result);
}

int single_ctr(const uint8_t *key, const uint8_t *counter, const uint8_t *data, size_t length, uint8_t *result) {
    /* libippcp loses the carry out of the lower 64 bits of the counter, so no call may cross it. */
    uint64_t blocks = bgm_blocks_to_carry(counter);
    uint8_t next[16];
    if (blocks == 0 || (length + 15) / 16 <= blocks) return sm4(CTR, key, counter, data, length, result);
    int code = sm4(CTR, key, counter, data, blocks * 16, result);
    bgm_advance(counter, blocks, next);
    return code != 0 ? code : sm4(CTR, key, next, data + blocks * 16, length - blocks * 16, result + blocks * 16);
}

/* ---- in lanes: long texts are cut into pieces, so that one text fills the lanes too ---- */

#define LONGEST_PIECE 4096
#define SHORTEST_PIECE 256

enum direction { DECRYPT_ECB, ENCRYPT_ECB, COUNTER };

struct pieces {
    enum direction direction;
    int used;
    const sm4_key *keys[LANES];
    const int8u *inputs[LANES];
    int8u *outputs[LANES];
    int8u *counters[LANES];
    int lengths[LANES];
    uint8_t counter_blocks[LANES][16];
    uint8_t nowhere[LONGEST_PIECE];
    mbx_sm4_key_schedule schedule __attribute__((aligned(64)));
};

static int flush_pieces(struct pieces *pieces) {
    mbx_status16 status;
    if (pieces->used == 0) return 0;
    for (int i = pieces->used; i < LANES; i++) {
        pieces->keys[i] = pieces->keys[0];
        pieces->inputs[i] = pieces->inputs[0];
        pieces->lengths[i] = pieces->lengths[0];
        pieces->outputs[i] = pieces->nowhere;
        memcpy(pieces->counter_blocks[i], pieces->counter_blocks[0], 16);
    }
    pieces->used = 0;
    if (mbx_sm4_set_key_mb16(&pieces->schedule, pieces->keys) != 0) return BGM_LIBRARY;
    const mbx_sm4_key_schedule *schedule = (const mbx_sm4_key_schedule *)&pieces->schedule;
    if (pieces->direction == COUNTER)
        status = mbx_sm4_encrypt_ctr128_mb16(pieces->outputs, pieces->inputs, pieces->lengths, schedule, pieces->counters);
    else if (pieces->direction == ENCRYPT_ECB)
        status = mbx_sm4_encrypt_ecb_mb16(pieces->outputs, pieces->inputs, pieces->lengths, schedule);
    else
        status = mbx_sm4_decrypt_ecb_mb16(pieces->outputs, pieces->inputs, pieces->lengths, schedule);
    return status == 0 ? 0 : BGM_LIBRARY;
}

static int add_text(struct pieces *pieces, const uint8_t *key, const uint8_t *counter, const uint8_t *data,
                    uint64_t length, uint64_t piece, uint8_t *result) {
    for (uint64_t at = 0; at < length; at += piece) {
        int lane = pieces->used++;
        pieces->keys[lane] = (const sm4_key *)key;
        pieces->inputs[lane] = data + at;
        pieces->outputs[lane] = result + at;
        pieces->lengths[lane] = (int)(length - at < piece ? length - at : piece);
        if (counter != NULL) bgm_advance(counter, at / 16, pieces->counter_blocks[lane]);
        if (pieces->used < LANES) continue;
        int code = flush_pieces(pieces);
        if (code != 0) return code;
    }
    return 0;
}

static int sm4_lanes(enum direction direction, const uint8_t *keys, const uint8_t *counters, const uint8_t *data,
                     const uint64_t *lengths, size_t count, uint8_t *result) {
    void *memory = NULL;
    uint64_t total = 0;
    int code = 0;
    for (size_t i = 0; i < count; i++) total += lengths[i];
    uint64_t piece = (total / LANES + 15) & ~(uint64_t)15;
    if (piece < SHORTEST_PIECE) piece = SHORTEST_PIECE;
    if (piece > LONGEST_PIECE) piece = LONGEST_PIECE;
    if (posix_memalign(&memory, 64, sizeof(struct pieces)) != 0) return BGM_MEMORY;
    struct pieces *pieces = memory;
    memset(pieces, 0, sizeof *pieces);
    pieces->direction = direction;
    for (int i = 0; i < LANES; i++) pieces->counters[i] = pieces->counter_blocks[i];
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], result += lengths[i], i++)
        code = add_text(pieces, keys + i * 16, counters ? counters + i * 16 : NULL, data, lengths[i], piece, result);
    if (code == 0) code = flush_pieces(pieces);
    bgm_wipe(pieces, sizeof *pieces);
    free(pieces);
    return code;
}

int lanes_ecb_many(int encrypt, const uint8_t *keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                   uint8_t *result) {
    return sm4_lanes(encrypt ? ENCRYPT_ECB : DECRYPT_ECB, keys, NULL, data, lengths, count, result);
}

int lanes_ctr_many(const uint8_t *keys, const uint8_t *counters, const uint8_t *data, const uint64_t *lengths,
                   size_t count, uint8_t *result) {
    return sm4_lanes(COUNTER, keys, counters, data, lengths, count, result);
}
