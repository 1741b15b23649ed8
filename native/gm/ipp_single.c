/*
 * Single-buffer tier of engine "ipp": Intel's libippcp, which picks its own path for any x86-64.
 *
 * libippcp's curve contexts hold scratch pools, so each thread has its own and no secret in it outlives a call. ippsGFpECEncryptSM2_Ext is not used: it keeps its hash state in a
 * static variable (two threads would spoil each other's ciphertexts) and computes the ephemeral point a second time.
 */
#include <ippcp.h>
#include <limits.h>
#include <pthread.h>

#include "ipp.h"

#define WORDS 8
#define LONGEST ((size_t)INT_MAX - 64)
#define CHECK(call) \
    do { \
        if ((call) != ippStsNoErr) return BGM_LIBRARY; \
    } while (0)

/*
 * ---- workspace ----
 *
 * Setting a field up costs as much as a signature, so each thread keeps its workspace. Closing puts every byte back as
 * it was when new: what a call left in numbers, points and the library's own pools is gone, before the call returns.
 */

/* Upper bounds for 256 bits; what the library really needs is asked and compared. */
#define FIELD_SIZE 2048
#define CURVE_SIZE 4096
#define POINT_SIZE 256
#define NUMBER_SIZE 256
#define CIPHER_SIZE 1024
#define SCRATCH_SIZE 8192

struct memory {
    uint8_t field[FIELD_SIZE], curve[CURVE_SIZE], point[POINT_SIZE];
    uint8_t order[NUMBER_SIZE], private_key[NUMBER_SIZE], scalar[NUMBER_SIZE], digest[NUMBER_SIZE], r[NUMBER_SIZE],
        s[NUMBER_SIZE];
    uint8_t cipher[CIPHER_SIZE], scratch[SCRATCH_SIZE];
};

struct workspace {
    struct memory used __attribute__((aligned(64)));
    struct memory pristine __attribute__((aligned(64)));
    IppsGFpState *field;
    IppsGFpECState *curve;
    IppsGFpECPoint *point;
    IppsBigNumState *order, *private_key, *scalar, *digest, *r, *s;
    IppsECESState_SM2 *cipher;
    Ipp8u *scratch;
};

static __thread struct workspace *kept;
static pthread_key_t at_thread_end;

static void workspace_free(void *work) {
    bgm_wipe(work, work == NULL ? 0 : sizeof(struct workspace));
    free(work);
}

int single_start(void) {
    static int is_ready;
    if (is_ready) return 0;
    if (ippcpInit() < ippStsNoErr) return BGM_LIBRARY; /* positive: warnings, e.g. a newer processor */
    if (pthread_key_create(&at_thread_end, workspace_free) != 0) return BGM_MEMORY;
    is_ready = 1;
    return 0;
}

static int workspace_sizes_fit(const struct workspace *work) {
    int point, scratch, cipher;
    return ippsGFpECPointGetSize(work->curve, &point) == ippStsNoErr && point <= POINT_SIZE &&
           ippsGFpECScratchBufferSize(2, work->curve, &scratch) == ippStsNoErr && scratch <= SCRATCH_SIZE &&
           ippsGFpECESGetSize_SM2(work->curve, &cipher) == ippStsNoErr && cipher <= CIPHER_SIZE;
}

static int workspace_build(struct workspace *work) {
    int size;
#define PLACE(member) work->member = (void *)work->used.member
    PLACE(field), PLACE(curve), PLACE(point), PLACE(order), PLACE(private_key), PLACE(scalar), PLACE(digest), PLACE(r);
    PLACE(s), PLACE(cipher), PLACE(scratch);
#undef PLACE
    if (ippsGFpGetSize(256, &size) != ippStsNoErr || size > FIELD_SIZE) return BGM_LIBRARY;
    CHECK(ippsGFpInitFixed(256, ippsGFpMethod_p256sm2(), work->field));
    if (ippsGFpECGetSize(work->field, &size) != ippStsNoErr || size > CURVE_SIZE) return BGM_LIBRARY;
    CHECK(ippsGFpECInitStdSM2(work->field, work->curve));
    CHECK(ippsGFpECBindGxyTblStdSM2(work->curve));
    if (!workspace_sizes_fit(work)) return BGM_LIBRARY;
    CHECK(ippsGFpECPointInit(NULL, NULL, work->point, work->curve));
    if (ippsBigNumGetSize(WORDS, &size) != ippStsNoErr || size > NUMBER_SIZE) return BGM_LIBRARY;
    IppsBigNumState *numbers[] = {work->order, work->private_key, work->scalar, work->digest, work->r, work->s};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) CHECK(ippsBigNumInit(WORDS, numbers[i]));
    CHECK(ippsSetOctString_BN(bgm_n, KEY, work->order));
    work->pristine = work->used;
    return 0;
}

static int workspace_open(struct workspace **work) {
    void *memory = NULL;
    *work = kept;
    if (kept != NULL) return 0;
    if (posix_memalign(&memory, 64, sizeof(struct workspace)) != 0) return BGM_MEMORY;
    memset(memory, 0, sizeof(struct workspace));
    int code = workspace_build(memory);
    if (code == 0 && pthread_setspecific(at_thread_end, memory) != 0) code = BGM_MEMORY;
    if (code != 0) {
        workspace_free(memory);
        return code;
    }
    *work = kept = memory;
    return 0;
}

static void workspace_close(struct workspace *work) {
    work->used = work->pristine;
    __asm__ __volatile__("" : : "r"(work) : "memory"); /* the compiler must not think these stores idle */
}

/* ---- SM3 ---- */

int single_sm3(const uint8_t *data, size_t length, uint8_t *digest) {
    static const uint8_t nothing[1];
    if (length > LONGEST) return BGM_LENGTH;
    CHECK(ippsHashMessage_rmf(length ? data : nothing, (int)length, digest, ippsHashMethod_SM3()));
    return 0;
}

int single_sm3_many(const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *digests) {
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; data += lengths[i], i++)
        code = single_sm3(data, lengths[i], digests + i * DIGEST);
    return code;
}

int single_hmac_many(const uint8_t *key, size_t key_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                     uint8_t *macs) {
    static const uint8_t nothing[1];
    int size;
    if (key_length > LONGEST) return BGM_LENGTH;
    CHECK(ippsHMACGetSize_rmf(&size));
    size_t room = ((size_t)size + 63) & ~(size_t)63;
    void *memory = NULL;
    if (posix_memalign(&memory, 64, 2 * room) != 0) return BGM_MEMORY;
    IppsHMACState_rmf *keyed = memory;
    IppsHMACState_rmf *state = (void *)((uint8_t *)memory + room);
    int good = ippsHMACInit_rmf(key_length ? key : nothing, (int)key_length, keyed, ippsHashMethod_SM3()) == ippStsNoErr;
    for (size_t i = 0; good && i < count; data += lengths[i], i++)
        good = lengths[i] <= LONGEST && ippsHMACDuplicate_rmf(keyed, state) == ippStsNoErr &&
               (lengths[i] == 0 || ippsHMACUpdate_rmf(data, (int)lengths[i], state) == ippStsNoErr) &&
               ippsHMACFinal_rmf(macs + i * DIGEST, DIGEST, state) == ippStsNoErr;
    bgm_wipe(memory, 2 * room);
    free(memory);
    return good ? 0 : BGM_LIBRARY;
}

int single_digest_many(const uint8_t *id, size_t id_length, const uint8_t *public_keys, const uint8_t *data,
                       const uint64_t *lengths, size_t count, uint8_t *digests) {
    int size, good = 1;
    uint8_t z[DIGEST];
    if (id_length > LONGEST_ID) return BGM_LENGTH;
    CHECK(ippsHashGetSize_rmf(&size));
    size_t prefix_length = 2 + id_length + sizeof bgm_curve;
    uint8_t *prefix = malloc(prefix_length + POINT - 1);
    IppsHashState_rmf *state = malloc((size_t)size);
    if (prefix == NULL || state == NULL) good = 0;
    if (good) bgm_z_prefix(id, id_length, prefix);
    for (size_t i = 0; good && i < count; data += lengths[i], i++) {
        memcpy(prefix + prefix_length, public_keys + i * POINT + 1, POINT - 1);
        good = lengths[i] <= LONGEST && single_sm3(prefix, prefix_length + POINT - 1, z) == 0 &&
               ippsHashInit_rmf(state, ippsHashMethod_SM3()) == ippStsNoErr &&
               ippsHashUpdate_rmf(z, DIGEST, state) == ippStsNoErr &&
               (lengths[i] == 0 || ippsHashUpdate_rmf(data, (int)lengths[i], state) == ippStsNoErr) &&
               ippsHashFinal_rmf(digests + i * DIGEST, state) == ippStsNoErr;
    }
    free(prefix);
    free(state);
    return good ? 0 : BGM_LIBRARY;
}

/* ---- SM2 ---- */

/* Loads a public key; 0 unless it is a finite point of the curve. */
static int take_point(struct workspace *work, const uint8_t *public_key, IppsGFpECPoint *point) {
    IppECResult verdict = ippECInvalidPublicKey;
    if (public_key[0] != 0x04 || memcmp(public_key + 1, bgm_p, KEY) >= 0 || memcmp(public_key + 1 + KEY, bgm_p, KEY) >= 0)
        return 0;
    return ippsGFpECSetPointOctString(public_key + 1, POINT - 1, point, work->curve) == ippStsNoErr &&
           ippsGFpECTstPoint(point, &verdict, work->curve) == ippStsNoErr && verdict == ippECValid;
}

static int public_one(struct workspace *work, const uint8_t *scalar, uint8_t *public_key) {
    CHECK(ippsSetOctString_BN(scalar, KEY, work->scalar));
    CHECK(ippsGFpECPublicKey(work->scalar, work->point, work->curve, work->scratch));
    public_key[0] = 0x04;
    CHECK(ippsGFpECGetPointOctString(work->point, public_key + 1, POINT - 1, work->curve));
    return 0;
}

int single_public_many(const uint8_t *private_keys, size_t count, uint8_t *public_keys, size_t *failed) {
    struct workspace *work;
    int code = workspace_open(&work);
    if (code != 0) return code;
    for (size_t i = 0; code == 0 && i < count; i++) {
        *failed = i;
        code = public_one(work, private_keys + i * KEY, public_keys + i * POINT);
    }
    workspace_close(work);
    return code;
}

int single_check_many(const uint8_t *public_keys, size_t count, uint8_t *valid) {
    struct workspace *work;
    int code = workspace_open(&work);
    if (code != 0) return code;
    for (size_t i = 0; i < count; i++) valid[i] = (uint8_t)take_point(work, public_keys + i * POINT, work->point);
    workspace_close(work);
    return 0;
}

/* libippcp wants the digest below n. */
static int take_digest(struct workspace *work, const uint8_t *digest) {
    if (memcmp(digest, bgm_n, KEY) < 0) {
        CHECK(ippsSetOctString_BN(digest, DIGEST, work->digest));
        return 0;
    }
    CHECK(ippsSetOctString_BN(digest, DIGEST, work->r));
    CHECK(ippsMod_BN(work->r, work->order, work->digest));
    return 0;
}

static int sign_one(struct workspace *work, const uint8_t *private_key, const uint8_t *digest, const uint8_t *scalar,
                    uint8_t *signature) {
    if (take_digest(work, digest) != 0) return BGM_LIBRARY;
    CHECK(ippsSetOctString_BN(private_key, KEY, work->private_key));
    CHECK(ippsSetOctString_BN(scalar, KEY, work->scalar));
    CHECK(ippsGFpECSignSM2(work->digest, work->private_key, work->scalar, work->r, work->s, work->curve,
                           work->scratch));
    CHECK(ippsGetOctString_BN(signature, KEY, work->r));
    CHECK(ippsGetOctString_BN(signature + KEY, KEY, work->s));
    return 0;
}

int single_sign_many(const uint8_t *private_keys, const uint8_t *digests, const uint8_t *scalars, size_t count,
                     uint8_t *signatures, size_t *failed) {
    struct workspace *work;
    int code = workspace_open(&work);
    if (code != 0) return code;
    for (size_t i = 0; code == 0 && i < count; i++) {
        *failed = i;
        code = sign_one(work, private_keys + i * KEY, digests + i * DIGEST, scalars + i * KEY,
                        signatures + i * SIGNATURE);
    }
    workspace_close(work);
    return code;
}

static int verify_one(struct workspace *work, const uint8_t *public_key, const uint8_t *digest,
                      const uint8_t *signature) {
    IppECResult verdict = ippECInvalidSignature;
    return bgm_in_range(signature, bgm_n) && bgm_in_range(signature + KEY, bgm_n) &&
           take_point(work, public_key, work->point) && take_digest(work, digest) == 0 &&
           ippsSetOctString_BN(signature, KEY, work->r) == ippStsNoErr &&
           ippsSetOctString_BN(signature + KEY, KEY, work->s) == ippStsNoErr &&
           ippsGFpECVerifySM2(work->digest, work->point, work->r, work->s, &verdict, work->curve, work->scratch) ==
               ippStsNoErr &&
           verdict == ippECValid;
}

int single_verify_many(const uint8_t *public_keys, const uint8_t *digests, const uint8_t *signatures, size_t count,
                       uint8_t *valid) {
    struct workspace *work;
    int code = workspace_open(&work);
    if (code != 0) return code;
    for (size_t i = 0; i < count; i++)
        valid[i] = (uint8_t)verify_one(work, public_keys + i * POINT, digests + i * DIGEST, signatures + i * SIGNATURE);
    workspace_close(work);
    return 0;
}

/* Shared point of (scalar, point) into the cipher state: what both directions begin with. */
static int cipher_begin(struct workspace *work, const uint8_t *scalar, const IppsGFpECPoint *point) {
    CHECK(ippsSetOctString_BN(scalar, KEY, work->private_key));
    CHECK(ippsGFpECESInit_SM2(work->curve, work->cipher, CIPHER_SIZE));
    CHECK(ippsGFpECESSetKey_SM2(work->private_key, point, work->cipher, work->curve, work->scratch));
    CHECK(ippsGFpECESStart_SM2(work->cipher));
    return 0;
}

static int encrypt_one(struct workspace *work, const uint8_t *public_key, const uint8_t *data, size_t length,
                       const uint8_t *scalar, const uint8_t *ephemeral, uint8_t *ciphertext) {
    if (!take_point(work, public_key, work->point)) return BGM_POINT;
    if (cipher_begin(work, scalar, work->point) != 0) return BGM_LIBRARY;
    CHECK(ippsGFpECESEncrypt_SM2(data, ciphertext + OVERHEAD, (int)length, work->cipher));
    IppStatus status = ippsGFpECESFinal_SM2(ciphertext + POINT, DIGEST, work->cipher);
    /* ShareKeyErr warns of a key stream of zeros: encrypt_again sees to it. */
    if (status != ippStsNoErr && status != ippStsShareKeyErr) return BGM_LIBRARY;
    memcpy(ciphertext, ephemeral, POINT);
    return 0;
}

/* A key stream of zeros leaves the text as it is; the standard then asks for another scalar (one byte: 1 in 256). */
static int encrypt_again(struct workspace *work, const uint8_t *public_key, const uint8_t *data, size_t length,
                         uint8_t *ciphertext) {
    uint8_t scalar[KEY], ephemeral[POINT];
    int code = 0;
    while (code == 0 && memcmp(ciphertext + OVERHEAD, data, length) == 0) {
        code = bgm_draw(scalar, 1, bgm_n);
        if (code == 0) code = public_one(work, scalar, ephemeral);
        if (code == 0) code = encrypt_one(work, public_key, data, length, scalar, ephemeral, ciphertext);
    }
    bgm_wipe(scalar, sizeof scalar);
    return code;
}

int single_encrypt_many(const uint8_t *public_keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                        const uint8_t *scalars, const uint8_t *ephemerals, uint8_t *ciphertexts, size_t *failed) {
    struct workspace *work;
    int code = workspace_open(&work);
    if (code != 0) return code;
    for (size_t i = 0; code == 0 && i < count; i++) {
        const uint8_t *public_key = public_keys + i * POINT;
        *failed = i;
        if (lengths[i] == 0 || lengths[i] > LONGEST)
            code = BGM_LENGTH;
        else
            code = encrypt_one(work, public_key, data, lengths[i], scalars + i * KEY, ephemerals + i * POINT,
                               ciphertexts);
        if (code == 0) code = encrypt_again(work, public_key, data, lengths[i], ciphertexts);
        data += lengths[i];
        ciphertexts += lengths[i] + OVERHEAD;
    }
    workspace_close(work);
    return code;
}

static int differ(const uint8_t *first, const uint8_t *second, size_t length) {
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++) difference |= first[i] ^ second[i];
    return difference != 0;
}

static int decrypt_in(struct workspace *work, const uint8_t *private_key, const uint8_t *ciphertext, size_t length,
                      uint8_t *plaintext) {
    uint8_t tag[DIGEST];
    size_t plain_length = length - OVERHEAD;
    if (!take_point(work, ciphertext, work->point)) return BGM_CIPHERTEXT;
    if (cipher_begin(work, private_key, work->point) != 0) return BGM_LIBRARY;
    CHECK(ippsGFpECESDecrypt_SM2(ciphertext + OVERHEAD, plaintext, (int)plain_length, work->cipher));
    IppStatus status = ippsGFpECESFinal_SM2(tag, DIGEST, work->cipher);
    if (status == ippStsNoErr && !differ(tag, ciphertext + POINT, DIGEST)) return 0;
    bgm_wipe(plaintext, plain_length);
    return BGM_CIPHERTEXT;
}

int single_decrypt(const uint8_t *private_key, const uint8_t *ciphertext, size_t length, uint8_t *plaintext) {
    struct workspace *work;
    if (length <= OVERHEAD || length > LONGEST) return BGM_CIPHERTEXT;
    int code = workspace_open(&work);
    if (code != 0) return code;
    code = decrypt_in(work, private_key, ciphertext, length, plaintext);
    workspace_close(work);
    return code;
}
