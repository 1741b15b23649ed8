/*
 * A stand-in for Intel's libcrypto_mb, for machines whose processor cannot run it: each lane is worked alone by the
 * single-buffer tier. It is stricter than the library: lanes of unequal SM3 shape, an unaligned key schedule or a missing
 * pointer are refused, where the library would read past a message or crash.
 */
#include <crypto_mb/cpu_features.h>
#include <crypto_mb/ec_sm2.h>
#include <crypto_mb/sm3.h>
#include <crypto_mb/sm4.h>

#include "ipp.h"

#define REFUSED16 ((mbx_status16)MBX_STATUS_MISMATCH_PARAM_ERR)
#define REFUSED8 ((mbx_status)MBX_STATUS_MISMATCH_PARAM_ERR)

MBX_ALGO_INFO mbx_get_algo_info(enum MBX_ALGO algo) { return algo == MBX_ALGO_EC_SM2 || algo == MBX_ALGO_SM3 || algo == MBX_ALGO_SM4; }

static int shapes_agree(uint64_t before, const int *lengths, int lanes) {
    for (int i = 0; i < lanes; i++) {
        uint64_t first = before + (uint64_t)lengths[0], mine = before + (uint64_t)lengths[i];
        if (lengths[i] <= 0 || mine / 64 != first / 64 || (mine + 8) / 64 != (first + 8) / 64) return 0;
    }
    return 1;
}

static void value_of(const int64u *words, uint8_t *value) {
    for (int i = 0; i < 32; i++) value[i] = (uint8_t)(words[(31 - i) / 8] >> 8 * ((31 - i) % 8));
}

static void words_of(const uint8_t *value, int64u *words) {
    memset(words, 0, 32);
    for (int i = 0; i < 32; i++) words[(31 - i) / 8] |= (int64u)value[i] << 8 * ((31 - i) % 8);
}

/* ---- SM3 ---- */

mbx_status16 mbx_sm3_msg_digest_mb16(const int8u *const messages[16], int lengths[16], int8u *digests[16]) {
    if (!shapes_agree(0, lengths, 16)) return REFUSED16;
    for (int i = 0; i < 16; i++)
        if (single_sm3(messages[i], (size_t)lengths[i], digests[i]) != 0) return REFUSED16;
    return 0;
}

/* The state keeps the first block and remembers where the second part lies. */
struct parts {
    const int8u *messages[16];
    int lengths[16];
};

mbx_status16 mbx_sm3_init_mb16(SM3_CTX_mb16 *state) {
    memset(state, 0, sizeof *state);
    return 0;
}

mbx_status16 mbx_sm3_update_mb16(const int8u *const messages[16], int lengths[16], SM3_CTX_mb16 *state) {
    struct parts *parts = (struct parts *)(void *)state->msg_hash;
    _Static_assert(sizeof(struct parts) <= sizeof state->msg_hash, "fits");
    for (int i = 0; i < 16; i++) {
        if (state->msg_buff_idx[i]++ == 0) {
            if (lengths[i] != 64) return REFUSED16;
            memcpy(state->msg_buffer[i], messages[i], 64);
        } else {
            parts->messages[i] = messages[i];
            parts->lengths[i] = lengths[i];
        }
    }
    return 0;
}

mbx_status16 mbx_sm3_final_mb16(int8u *digests[16], SM3_CTX_mb16 *state) {
    const struct parts *parts = (const struct parts *)(const void *)state->msg_hash;
    if (!shapes_agree(64, parts->lengths, 16)) return REFUSED16;
    for (int i = 0; i < 16; i++) {
        size_t length = 64 + (size_t)parts->lengths[i];
        uint8_t *whole = malloc(length);
        memcpy(whole, state->msg_buffer[i], 64);
        memcpy(whole + 64, parts->messages[i], length - 64);
        int code = single_sm3(whole, length, digests[i]);
        free(whole);
        if (code != 0) return REFUSED16;
    }
    return 0;
}

/* ---- SM2 ---- */

mbx_status mbx_sm2_ecpublic_key_mb8(int64u *x[8], int64u *y[8], int64u *z[8], const int64u *const scalars[8], int8u *buffer) {
    (void)buffer;
    if (z != NULL) return REFUSED8;
    for (int i = 0; i < 8; i++) {
        uint8_t scalar[KEY], point[POINT];
        size_t failed;
        value_of(scalars[i], scalar);
        if (single_public_many(scalar, 1, point, &failed) != 0) return REFUSED8;
        words_of(point + 1, x[i]);
        words_of(point + 1 + KEY, y[i]);
    }
    return 0;
}

static int lane_digest(const int8u *id, int id_length, const int8u *message, int length, const int64u *x,
                       const int64u *y, uint8_t *point, uint8_t *digest) {
    uint64_t size = (uint64_t)length;
    point[0] = 4;
    value_of(x, point + 1);
    value_of(y, point + 1 + KEY);
    return single_digest_many(id, (size_t)id_length, point, message, &size, 1, digest);
}

mbx_status mbx_sm2_ecdsa_sign_mb8(int8u *r[8], int8u *s[8], const int8u *const ids[8], const int id_lengths[8],
                                  const int8u *const messages[8], const int lengths[8],
                                  const int64u *const ephemerals[8], const int64u *const keys[8],
                                  const int64u *const x[8], const int64u *const y[8], const int64u *const z[8],
                                  int8u *buffer) {
    (void)buffer;
    if (z != NULL || !shapes_agree(DIGEST, lengths, 8)) return REFUSED8;
    for (int i = 0; i < 8; i++) {
        uint8_t point[POINT], digest[DIGEST], key[KEY], scalar[KEY], signature[SIGNATURE];
        size_t failed;
        if (lane_digest(ids[i], id_lengths[i], messages[i], lengths[i], x[i], y[i], point, digest) != 0) return REFUSED8;
        value_of(keys[i], key);
        value_of(ephemerals[i], scalar);
        if (single_sign_many(key, digest, scalar, 1, signature, &failed) != 0) return REFUSED8;
        memcpy(r[i], signature, KEY);
        memcpy(s[i], signature + KEY, KEY);
    }
    return 0;
}

mbx_status mbx_sm2_ecdsa_verify_mb8(const int8u *const r[8], const int8u *const s[8], const int8u *const ids[8],
                                    const int id_lengths[8], const int8u *const messages[8], const int lengths[8],
                                    const int64u *const x[8], const int64u *const y[8], const int64u *const z[8],
                                    int8u *buffer) {
    mbx_status status = 0;
    (void)buffer;
    if (z != NULL || !shapes_agree(DIGEST, lengths, 8)) return MBX_SET_STS_ALL(MBX_STATUS_NULL_PARAM_ERR);
    for (int i = 0; i < 8; i++) {
        uint8_t point[POINT], digest[DIGEST], signature[SIGNATURE], valid;
        if (lane_digest(ids[i], id_lengths[i], messages[i], lengths[i], x[i], y[i], point, digest) != 0) return REFUSED8;
        memcpy(signature, r[i], KEY);
        memcpy(signature + KEY, s[i], KEY);
        single_verify_many(point, digest, signature, 1, &valid);
        if (!valid) status = MBX_SET_STS(status, i, MBX_STATUS_SIGNATURE_ERR);
    }
    return status;
}

/* ---- SM4 ---- */

mbx_status16 mbx_sm4_set_key_mb16(mbx_sm4_key_schedule *schedule, const sm4_key *keys[16]) {
    if ((uintptr_t)schedule % 64 != 0) return REFUSED16;
    for (int i = 0; i < 16; i++) memcpy((uint8_t *)schedule + i * 16, keys[i], 16);
    return 0;
}

static const uint8_t *key_of(const mbx_sm4_key_schedule *schedule, int lane) { return (const uint8_t *)schedule + lane * 16; }

mbx_status16 mbx_sm4_encrypt_ctr128_mb16(int8u *outputs[16], const int8u *inputs[16], const int lengths[16],
                                         const mbx_sm4_key_schedule *schedule, int8u *counters[16]) {
    for (int i = 0; i < 16; i++)
        if (single_ctr(key_of(schedule, i), counters[i], inputs[i], (size_t)lengths[i], outputs[i]) != 0) return REFUSED16;
    return 0;
}

static mbx_status16 ecb(int encrypt, int8u *outputs[16], const int8u *inputs[16], const int lengths[16],
                        const mbx_sm4_key_schedule *schedule) {
    for (int i = 0; i < 16; i++)
        if (single_ecb(encrypt, key_of(schedule, i), inputs[i], (size_t)lengths[i], outputs[i]) != 0) return REFUSED16;
    return 0;
}

mbx_status16 mbx_sm4_encrypt_ecb_mb16(int8u *outputs[16], const int8u *inputs[16], const int lengths[16],
                                      const mbx_sm4_key_schedule *schedule) {
    return ecb(1, outputs, inputs, lengths, schedule);
}

mbx_status16 mbx_sm4_decrypt_ecb_mb16(int8u *outputs[16], const int8u *inputs[16], const int lengths[16],
                                      const mbx_sm4_key_schedule *schedule) {
    return ecb(0, outputs, inputs, lengths, schedule);
}
