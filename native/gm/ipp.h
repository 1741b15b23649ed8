/* Engine "ipp", shared between its two tiers. */
#ifndef BANYAN_GM_IPP_H
#define BANYAN_GM_IPP_H

#include "sm2_values.h"

/* Which functions of the multi-buffer library this processor can run; asked once. */
extern int bgm_lanes_sm2, bgm_lanes_sm3, bgm_lanes_sm4;
void bgm_lanes_start(void);

/* Single-buffer tier (libippcp). */
int single_start(void);
int single_sm3(const uint8_t *data, size_t length, uint8_t *digest);
int single_sm3_many(const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *digests);
int single_hmac_many(const uint8_t *key, size_t key_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                     uint8_t *macs);
int single_public_many(const uint8_t *private_keys, size_t count, uint8_t *public_keys, size_t *failed);
int single_check_many(const uint8_t *public_keys, size_t count, uint8_t *valid);
int single_digest_many(const uint8_t *id, size_t id_length, const uint8_t *public_keys, const uint8_t *data,
                       const uint64_t *lengths, size_t count, uint8_t *digests);
int single_sign_many(const uint8_t *private_keys, const uint8_t *digests, const uint8_t *scalars, size_t count,
                     uint8_t *signatures, size_t *failed);
int single_verify_many(const uint8_t *public_keys, const uint8_t *digests, const uint8_t *signatures, size_t count,
                       uint8_t *valid);
/* `ephemerals` are the public keys of `scalars`. */
int single_encrypt_many(const uint8_t *public_keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                        const uint8_t *scalars, const uint8_t *ephemerals, uint8_t *ciphertexts, size_t *failed);
int single_decrypt(const uint8_t *private_key, const uint8_t *ciphertext, size_t length, uint8_t *plaintext);
int single_ecb(int encrypt, const uint8_t *key, const uint8_t *data, size_t length, uint8_t *result);
int single_cbc(int encrypt, const uint8_t *key, const uint8_t *iv, const uint8_t *data, size_t length, uint8_t *result);
int single_ctr(const uint8_t *key, const uint8_t *counter, const uint8_t *data, size_t length, uint8_t *result);

/* Multi-buffer tier (libcrypto_mb): 8 lanes for SM2, 16 for SM3 and SM4. */
int lanes_sm3_many(const uint8_t *data, const uint64_t *lengths, size_t count, uint8_t *digests);
int lanes_hmac_many(const uint8_t *key, size_t key_length, const uint8_t *data, const uint64_t *lengths, size_t count,
                    uint8_t *macs);
int lanes_public_many(const uint8_t *private_keys, size_t count, uint8_t *public_keys, size_t *failed);
int lanes_sign_many(const uint8_t *private_keys, const uint8_t *public_keys, const uint8_t *id, size_t id_length,
                    const uint8_t *data, const uint64_t *lengths, size_t count, const uint8_t *scalars,
                    uint8_t *signatures, size_t *failed);
int lanes_verify_many(const uint8_t *public_keys, const uint8_t *id, size_t id_length, const uint8_t *data,
                      const uint64_t *lengths, const uint8_t *signatures, size_t count, uint8_t *valid);
int lanes_ecb_many(int encrypt, const uint8_t *keys, const uint8_t *data, const uint64_t *lengths, size_t count,
                   uint8_t *result);
int lanes_ctr_many(const uint8_t *keys, const uint8_t *counters, const uint8_t *data, const uint64_t *lengths,
                   size_t count, uint8_t *result);

#endif
