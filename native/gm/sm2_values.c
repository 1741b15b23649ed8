#include "sm2_values.h"

const uint8_t bgm_curve[128] = {
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC,
    0x28, 0xE9, 0xFA, 0x9E, 0x9D, 0x9F, 0x5E, 0x34, 0x4D, 0x5A, 0x9E, 0x4B, 0xCF, 0x65, 0x09, 0xA7,
    0xF3, 0x97, 0x89, 0xF5, 0x15, 0xAB, 0x8F, 0x92, 0xDD, 0xBC, 0xBD, 0x41, 0x4D, 0x94, 0x0E, 0x93,
    0x32, 0xC4, 0xAE, 0x2C, 0x1F, 0x19, 0x81, 0x19, 0x5F, 0x99, 0x04, 0x46, 0x6A, 0x39, 0xC9, 0x94,
    0x8F, 0xE3, 0x0B, 0xBF, 0xF2, 0x66, 0x0B, 0xE1, 0x71, 0x5A, 0x45, 0x89, 0x33, 0x4C, 0x74, 0xC7,
    0xBC, 0x37, 0x36, 0xA2, 0xF4, 0xF6, 0x77, 0x9C, 0x59, 0xBD, 0xCE, 0xE3, 0x6B, 0x69, 0x21, 0x53,
    0xD0, 0xA9, 0x87, 0x7C, 0xC6, 0x2A, 0x47, 0x40, 0x02, 0xDF, 0x32, 0xE5, 0x21, 0x39, 0xF0, 0xA0,
};
const uint8_t bgm_n[KEY] = {
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0x72, 0x03, 0xDF, 0x6B, 0x21, 0xC6, 0x05, 0x2B, 0x53, 0xBB, 0xF4, 0x09, 0x39, 0xD5, 0x41, 0x23,
};
const uint8_t bgm_n_minus_1[KEY] = {
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0x72, 0x03, 0xDF, 0x6B, 0x21, 0xC6, 0x05, 0x2B, 0x53, 0xBB, 0xF4, 0x09, 0x39, 0xD5, 0x41, 0x22,
};
const uint8_t bgm_p[KEY] = {
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
};

void bgm_wipe(void *memory, size_t length) {
    if (memory != NULL) explicit_bzero(memory, length);
}

static int fill(uint8_t *buffer, size_t length) {
    while (length > 0) {
        ssize_t got = getrandom(buffer, length, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return BGM_RANDOM;
        buffer += got;
        length -= (size_t)got;
    }
    return 0;
}

int bgm_draw(uint8_t *scalars, size_t count, const uint8_t *limit) {
    int code = fill(scalars, count * KEY);
    for (size_t i = 0; code == 0 && i < count; i++)
        while (code == 0 && !bgm_in_range(scalars + i * KEY, limit)) code = fill(scalars + i * KEY, KEY);
    if (code != 0) bgm_wipe(scalars, count * KEY);
    return code;
}

void bgm_z_prefix(const uint8_t *id, size_t id_length, uint8_t *prefix) {
    prefix[0] = (uint8_t)(id_length * 8 >> 8);
    prefix[1] = (uint8_t)(id_length * 8);
    if (id_length) memcpy(prefix + 2, id, id_length);
    memcpy(prefix + 2 + id_length, bgm_curve, sizeof bgm_curve);
}

void bgm_advance(const uint8_t *counter, uint64_t blocks, uint8_t *result) {
    for (int i = 15; i >= 0; i--) {
        uint64_t sum = (blocks & 0xff) + counter[i];
        result[i] = (uint8_t)sum;
        blocks = (blocks >> 8) + (sum >> 8);
    }
}

uint64_t bgm_blocks_to_carry(const uint8_t *counter) {
    uint64_t low = 0;
    for (int i = 8; i < 16; i++) low = low << 8 | counter[i];
    return 0 - low;
}

static size_t integer_to_der(const uint8_t *value, uint8_t *der) {
    size_t zeros = 0;
    while (zeros < KEY - 1 && value[zeros] == 0) zeros++;
    size_t sign = value[zeros] >> 7;
    size_t length = KEY - zeros;
    der[0] = 0x02;
    der[1] = (uint8_t)(length + sign);
    der[2] = 0;
    memcpy(der + 2 + sign, value + zeros, length);
    return 2 + sign + length;
}

size_t bgm_signature_to_der(const uint8_t *signature, uint8_t *der) {
    size_t length = integer_to_der(signature, der + 2);
    length += integer_to_der(signature + KEY, der + 2 + length);
    der[0] = 0x30;
    der[1] = (uint8_t)length;
    return 2 + length;
}

/* One minimal positive INTEGER of at most 256 bits at der[0..length); its size, or 0 when it is not one. */
static size_t integer_from_der(const uint8_t *der, size_t length, uint8_t *value) {
    if (length < 3 || der[0] != 0x02) return 0;
    size_t size = der[1];
    if (size == 0 || size > KEY + 1 || size + 2 > length) return 0;
    const uint8_t *content = der + 2;
    size_t skip = content[0] == 0;
    if (content[0] & 0x80) return 0;
    if (skip && (size == 1 || !(content[1] & 0x80))) return 0; /* zero itself, or not minimal */
    if (size - skip > KEY) return 0;
    memset(value, 0, KEY);
    memcpy(value + KEY - (size - skip), content + skip, size - skip);
    return size + 2;
}

int bgm_signature_from_der(const uint8_t *der, uint64_t length, uint8_t *signature) {
    if (length < 8 || length > DER_SLOT || der[0] != 0x30 || der[1] != length - 2) return 0;
    size_t first = integer_from_der(der + 2, length - 2, signature);
    if (first == 0) return 0;
    size_t second = integer_from_der(der + 2 + first, length - 2 - first, signature + KEY);
    return second != 0 && first + second == length - 2;
}

void bgm_signatures_to_der(const uint8_t *signatures, size_t count, uint8_t *ders, uint8_t *lengths) {
    for (size_t i = 0; i < count; i++)
        lengths[i] = (uint8_t)bgm_signature_to_der(signatures + i * SIGNATURE, ders + i * DER_SLOT);
}

void bgm_signatures_from_der(const uint8_t *ders, const uint64_t *lengths, size_t count, uint8_t *signatures,
                             uint8_t *valid) {
    for (size_t i = 0; i < count; ders += lengths[i], i++)
        valid[i] = (uint8_t)bgm_signature_from_der(ders, lengths[i], signatures + i * SIGNATURE);
}
