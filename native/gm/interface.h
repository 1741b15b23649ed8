/*
 * What an engine offers to Python. Read twice: by the C compiler and, as it stands, by cffi; so no directives here.
 *
 * Everything is a batch. Byte strings of a batch lie one after the other in one buffer; `lengths` says where they end.
 * Private keys, digests and scalars are 32 bytes big-endian, public keys 65 bytes 04|X|Y, signatures 64 bytes r|s.
 * Functions answer 0 or one of the negative codes below; `failed` (where asked) receives the index of the first bad item.
 */

/* -1 the library failed   -2 private key out of range   -3 not a point of the curve   -4 ciphertext not ours
   -5 no randomness        -6 not offered by this engine -7 length refused             -8 out of memory         */

/* 0: this processor or library cannot be used; 1: one operation at a time; 2: several lanes at a time. */
int bgm_start(void);
/* Which library is behind it, for people. */
const char *bgm_version(void);

int bgm_sm3_many(const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *digests);
int bgm_hmac_sm3_many(const uint8_t *key, size_t key_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                      uint8_t *macs);

int bgm_sm2_keypairs(size_t count, uint8_t *private_keys, uint8_t *public_keys);
int bgm_sm2_public_many(const uint8_t *private_keys, size_t count, uint8_t *public_keys, size_t *failed);
int bgm_sm2_check_point_many(const uint8_t *public_keys, size_t count, uint8_t *valid);
int bgm_sm2_digest_many(const uint8_t *id, size_t id_length, const uint8_t *public_keys, const uint8_t *data,
                        const uint64_t *lengths, size_t count, uint8_t *digests);
/* `scalars` is NULL outside known-answer tests: then the ephemeral scalars come from the system, and are wiped. */
int bgm_sm2_sign_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *id, size_t id_length,
                      const uint8_t *data, const uint64_t *lengths, size_t count, const uint8_t *scalars,
                      uint8_t *signatures, size_t *failed);
int bgm_sm2_sign_digest_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *digests,
                             size_t count, const uint8_t *scalars, uint8_t *signatures, size_t *failed);
int bgm_sm2_verify_many(const uint8_t *public_keys, const uint8_t *id, size_t id_length, const uint8_t *data,
                        const uint64_t *lengths, const uint8_t *signatures, size_t count, uint8_t *valid);
/* Ciphertexts are C1 (65) | C3 (32) | C2, so each is 97 bytes longer than its plaintext. */
int bgm_sm2_encrypt_many(const uint8_t *public_keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                         const uint8_t *scalars, uint8_t *ciphertexts, size_t *failed);
int bgm_sm2_decrypt(const uint8_t *private_key, const uint8_t *ciphertext, size_t length, uint8_t *plaintext);

/* Whole blocks only, no padding: 1 = encrypt, 0 = decrypt. */
int bgm_sm4_ecb(int encrypt, const uint8_t *key, const uint8_t *data, size_t length, uint8_t *result);
int bgm_sm4_ecb_many(int encrypt, const uint8_t *keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                     uint8_t *result);
int bgm_sm4_cbc(int encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *data, size_t length,
                uint8_t *result);
int bgm_sm4_ctr_many(const uint8_t *keys, const uint8_t *counters, const uint8_t *data, const uint64_t *lengths,
                     size_t count, uint8_t *result);

/* DER of signatures: SEQUENCE of two minimal positive integers; each slot of `ders` holds 72 bytes. */
void bgm_signatures_to_der(const uint8_t *signatures, size_t count, uint8_t *ders, uint8_t *lengths);
void bgm_signatures_from_der(const uint8_t *ders, const uint64_t *lengths, size_t count, uint8_t *signatures,
                             uint8_t *valid);
