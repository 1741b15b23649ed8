/* Engine "ipp": checks what comes in, draws scalars, and sends each batch to the tier that this processor has. */
#include <ippcp.h>

#include "ipp.h"

int bgm_lanes_sm2, bgm_lanes_sm3, bgm_lanes_sm4;

int bgm_start(void) {
    if (single_start() != 0) return 0;
    bgm_lanes_start();
    return bgm_lanes_sm2 && bgm_lanes_sm3 && bgm_lanes_sm4 ? 2 : 1;
}

const char *bgm_version(void) { return cryptoGetLibVersion()->strVersion; }

int bgm_sm3_many(const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *digests) {
    return (bgm_lanes_sm3 ? lanes_sm3_many : single_sm3_many)(data, lengths, count, digests);
}

int bgm_hmac_sm3_many(const uint8_t *key, size_t key_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                      uint8_t *macs) {
    return (bgm_lanes_sm3 ? lanes_hmac_many : single_hmac_many)(key, key_length, data, lengths, count, macs);
}

/* ---- SM2 ---- */

/* The index of the first private key outside [1, n-2], or count. */
static size_t first_bad_key(const uint8_t *private_keys, size_t count) {
    size_t i = 0;
    while (i < count && bgm_in_range(private_keys + i * KEY, bgm_n_minus_1)) i++;
    return i;
}

/*
 * libcrypto_mb 2026.2 gets a coordinate wrong by one bit for about one point in four million, always the same ones: then
 * the point is not on the curve, a signature with that ephemeral point is invalid, and a valid one is refused. So
 * points are checked, and what is not right is done again in the other tier.
 */
static int points_of(const uint8_t *scalars, size_t count, uint8_t *points, size_t *failed) {
    if (!bgm_lanes_sm2) return single_public_many(scalars, count, points, failed);
    uint8_t *valid = malloc(count + 1);
    int code = valid == NULL ? BGM_MEMORY : lanes_public_many(scalars, count, points, failed);
    if (code == 0) code = single_check_many(points, count, valid);
    for (size_t i = 0; code == 0 && i < count; i++)
        if (!valid[i]) code = single_public_many(scalars + i * KEY, 1, points + i * POINT, failed);
    free(valid);
    return code;
}

/* Draws again where the lanes would make a wrong signature; known scalars cannot be drawn again. */
static int avoid_wrong_points(uint8_t *scalars, size_t count, int is_known) {
    size_t failed, left = 0;
    uint8_t *points = malloc(count * POINT + 1), *valid = malloc(count + 1);
    int code = points == NULL || valid == NULL ? BGM_MEMORY : lanes_public_many(scalars, count, points, &failed);
    if (code == 0) code = single_check_many(points, count, valid);
    for (size_t i = 0; code == 0 && i < count; i++)
        if (!valid[i]) left++, code = is_known ? BGM_LIBRARY : bgm_draw(scalars + i * KEY, 1, bgm_n);
    free(points);
    free(valid);
    return code == 0 && left > 0 ? avoid_wrong_points(scalars, count, is_known) : code;
}

int bgm_sm2_public_many(const uint8_t *private_keys, size_t count, uint8_t *public_keys, size_t *failed) {
    *failed = first_bad_key(private_keys, count);
    if (*failed < count) return BGM_PRIVATE_KEY;
    return points_of(private_keys, count, public_keys, failed);
}

int bgm_sm2_keypairs(size_t count, uint8_t *private_keys, uint8_t *public_keys) {
    size_t failed;
    int code = bgm_draw(private_keys, count, bgm_n_minus_1);
    return code != 0 ? code : points_of(private_keys, count, public_keys, &failed);
}

int bgm_sm2_check_point_many(const uint8_t *public_keys, size_t count, uint8_t *valid) {
    return single_check_many(public_keys, count, valid);
}

int bgm_sm2_digest_many(const uint8_t *id, size_t id_length, const uint8_t *public_keys, const uint8_t *data,
                        const uint64_t *lengths, size_t count, uint8_t *digests) {
    return single_digest_many(id, id_length, public_keys, data, lengths, count, digests);
}

/* Fresh ephemeral scalars for a batch, or a copy of the known ones of a test. Freed with drop_scalars. */
static int take_scalars(const uint8_t *known, size_t count, uint8_t **scalars) {
    *scalars = malloc(count * KEY + 1);
    if (*scalars == NULL) return BGM_MEMORY;
    if (known == NULL) return bgm_draw(*scalars, count, bgm_n);
    memcpy(*scalars, known, count * KEY);
    return 0;
}

static void drop_scalars(uint8_t *scalars, size_t count) {
    if (scalars != NULL) bgm_wipe(scalars, count * KEY);
    free(scalars);
}

int bgm_sm2_sign_digest_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *digests,
                             size_t count, const uint8_t *known, uint8_t *signatures, size_t *failed) {
    uint8_t *scalars = NULL;
    (void)public_keys; /* the other engine wants them; here a digest and a private key are enough */
    *failed = first_bad_key(private_keys, count);
    if (*failed < count) return BGM_PRIVATE_KEY;
    int code = take_scalars(known, count, &scalars);
    if (code == 0) code = single_sign_many(private_keys, digests, scalars, count, signatures, failed);
    drop_scalars(scalars, count);
    return code;
}

static int sign_one_by_one(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *id,
                           size_t id_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                           const uint8_t *scalars, uint8_t *signatures, size_t *failed) {
    uint8_t *digests = malloc(count * DIGEST + 1);
    if (digests == NULL) return BGM_MEMORY;
    int code = single_digest_many(id, id_length, public_keys, data, lengths, count, digests);
    if (code == 0) code = single_sign_many(private_keys, digests, scalars, count, signatures, failed);
    free(digests);
    return code;
}

/* The public keys enter Z only, but a point off the curve there is a mistake that both engines name. */
static int check_points(const uint8_t *public_keys, size_t count, size_t *failed) {
    uint8_t *valid = malloc(count + 1);
    if (valid == NULL) return BGM_MEMORY;
    int code = single_check_many(public_keys, count, valid);
    for (size_t i = 0; code == 0 && i < count; i++)
        if (!valid[i]) *failed = i, code = BGM_POINT;
    free(valid);
    return code;
}

int bgm_sm2_sign_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *id, size_t id_length,
                      const uint8_t *data, const uint64_t *lengths, size_t count, const uint8_t *known,
                      uint8_t *signatures, size_t *failed) {
    uint8_t *scalars = NULL;
    if (id_length > LONGEST_ID) return BGM_LENGTH;
    *failed = first_bad_key(private_keys, count);
    if (*failed < count) return BGM_PRIVATE_KEY;
    int code = check_points(public_keys, count, failed);
    if (code == 0) code = take_scalars(known, count, &scalars);
    if (code == 0 && bgm_lanes_sm2) code = avoid_wrong_points(scalars, count, known != NULL);
    if (code == 0)
        code = (bgm_lanes_sm2 ? lanes_sign_many : sign_one_by_one)(private_keys, public_keys, id, id_length, data,
                                                                   lengths, count, scalars, signatures, failed);
    drop_scalars(scalars, count);
    return code;
}

static int verify_one_by_one(const uint8_t *public_keys, const uint8_t *id, size_t id_length, const uint8_t *data,
                             const uint64_t *lengths, const uint8_t *signatures, size_t count, uint8_t *valid) {
    uint8_t *digests = malloc(count * DIGEST + 1);
    if (digests == NULL) return BGM_MEMORY;
    int code = single_digest_many(id, id_length, public_keys, data, lengths, count, digests);
    if (code == 0) code = single_verify_many(public_keys, digests, signatures, count, valid);
    free(digests);
    return code;
}

int bgm_sm2_verify_many(const uint8_t *public_keys, const uint8_t *id, size_t id_length, const uint8_t *data,
                        const uint64_t *lengths, const uint8_t *signatures, size_t count, uint8_t *valid) {
    if (id_length > LONGEST_ID) return BGM_LENGTH;
    if (!bgm_lanes_sm2)
        return verify_one_by_one(public_keys, id, id_length, data, lengths, signatures, count, valid);
    int code = lanes_verify_many(public_keys, id, id_length, data, lengths, signatures, count, valid);
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], i++)
        if (!valid[i])
            code = verify_one_by_one(public_keys + i * POINT, id, id_length, data, lengths + i,
                                     signatures + i * SIGNATURE, 1, valid + i);
    return code;
}

int bgm_sm2_encrypt_many(const uint8_t *public_keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                         const uint8_t *known, uint8_t *ciphertexts, size_t *failed) {
    uint8_t *scalars = NULL;
    uint8_t *ephemerals = malloc(count * POINT + 1);
    int code = ephemerals == NULL ? BGM_MEMORY : take_scalars(known, count, &scalars);
    if (code == 0) code = points_of(scalars, count, ephemerals, failed);
    if (code == 0)
        code = single_encrypt_many(public_keys, data, lengths, count, scalars, ephemerals, ciphertexts, failed);
    drop_scalars(scalars, count);
    free(ephemerals);
    return code;
}

int bgm_sm2_decrypt(const uint8_t *private_key, const uint8_t *ciphertext, size_t length, uint8_t *plaintext) {
    if (!bgm_in_range(private_key, bgm_n_minus_1)) return BGM_PRIVATE_KEY;
    return single_decrypt(private_key, ciphertext, length, plaintext);
}

/* ---- SM4 ---- */

int bgm_sm4_ecb(int encrypt, const uint8_t *key, const uint8_t *data, size_t length, uint8_t *result) {
    return single_ecb(encrypt, key, data, length, result);
}

int bgm_sm4_ecb_many(int encrypt, const uint8_t *keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                     uint8_t *result) {
    int code = 0;
    for (size_t i = 0; i < count; i++)
        if (lengths[i] % 16) return BGM_LENGTH;
    if (bgm_lanes_sm4) return lanes_ecb_many(encrypt, keys, data, lengths, count, result);
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], result += lengths[i], i++)
        code = single_ecb(encrypt, keys + i * 16, data, lengths[i], result);
    return code;
}

int bgm_sm4_cbc(int encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *data, size_t length,
                uint8_t *result) {
    return single_cbc(encrypt, key, iv, data, length, result);
}

int bgm_sm4_ctr_many(const uint8_t *keys, const uint8_t *counters, const uint8_t *data, const uint64_t *lengths,
                     size_t count, uint8_t *result) {
    int code = 0;
    if (bgm_lanes_sm4) return lanes_ctr_many(keys, counters, data, lengths, count, result);
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], result += lengths[i], i++)
        code = single_ctr(keys + i * 16, counters + i * 16, data, lengths[i], result);
    return code;
}
