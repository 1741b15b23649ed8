/* SM2 values as bytes, for both engines: constants, ranges, fresh scalars, Z, DER; counters. No curve or cipher arithmetic. */
#ifndef BANYAN_GM_SM2_VALUES_H
#define BANYAN_GM_SM2_VALUES_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "interface.h"

#define BGM_LIBRARY (-1)
#define BGM_PRIVATE_KEY (-2)
#define BGM_POINT (-3)
#define BGM_CIPHERTEXT (-4)
#define BGM_RANDOM (-5)
#define BGM_NOT_OFFERED (-6)
#define BGM_LENGTH (-7)
#define BGM_MEMORY (-8)

#define KEY 32
#define POINT 65
#define SIGNATURE 64
#define DIGEST 32
#define DER_SLOT 72
/* C1 and C3 before the ciphertext proper. */
#define OVERHEAD (POINT + DIGEST)
/* ENTL is two bytes and counts bits. */
#define LONGEST_ID 8191

/* GB/T 32918.5: a, b, Gx, Gy as they enter Z; n; n-1; p. */
extern const uint8_t bgm_curve[128];
extern const uint8_t bgm_n[KEY], bgm_n_minus_1[KEY], bgm_p[KEY];

/* 1 when 1 <= value < limit, without a branch on the value. */
static inline int bgm_in_range(const uint8_t *value, const uint8_t *limit) {
    unsigned borrow = 0, any = 0;
    for (int i = KEY - 1; i >= 0; i--) {
        unsigned difference = (unsigned)value[i] - limit[i] - borrow;
        borrow = (difference >> 8) & 1;
        any |= value[i];
    }
    return (int)(borrow & ((any | (0u - any)) >> 31));
}

/* Overwrites memory in a way that the compiler keeps. */
void bgm_wipe(void *memory, size_t length);

/* Fills `scalars` with `count` values uniform in [1, limit-1]: one draw for the batch, rejected ones drawn again. */
int bgm_draw(uint8_t *scalars, size_t count, const uint8_t *limit);

/* The first part of Z: ENTL | ID | a | b | Gx | Gy; `prefix` holds 2 + id_length + 128 bytes. */
void bgm_z_prefix(const uint8_t *id, size_t id_length, uint8_t *prefix);

/* counter + blocks, as one 128-bit big-endian number. */
void bgm_advance(const uint8_t *counter, uint64_t blocks, uint8_t *result);
/* How many blocks can be made before the lower 64 bits of the counter begin anew; 0 stands for 2^64. */
uint64_t bgm_blocks_to_carry(const uint8_t *counter);

size_t bgm_signature_to_der(const uint8_t *signature, uint8_t *der);
int bgm_signature_from_der(const uint8_t *der, uint64_t length, uint8_t *signature);

#endif
