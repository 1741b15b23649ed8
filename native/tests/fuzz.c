/* Changed input for everything that reads what others wrote: the stored state, blobs, certificates, responses, handles. Built
 * together with the sources under sanitizers; usage: fuzz SECONDS SEED CERTIFICATE, with BANYAN_SKF_ROOT in an empty place. Where a
 * state is accepted after a change, packing it must give the same octets again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../include/banyan_skf.h"
#include "../src/memory.h"
#include "../src/state.h"

#define CHECK(what) \
    if (!(what)) {  \
        printf("line %d: %s\n", __LINE__, #what); \
        abort();    \
    }

static uint64_t seed;

static uint32_t random_below(uint32_t most) { /* xorshift: a run can be repeated from its seed */
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return most ? (uint32_t)(seed >> 16) % most : 0;
}

static void change(uint8_t *data, size_t size) {
    static const uint8_t telling[] = {0, 1, 0x7F, 0x80, 0xFF, 0xFE, 32, 64, 65};
    for (uint32_t times = 1 + random_below(4); times-- && size;) {
        uint8_t *at = data + random_below((uint32_t)size);
        if (random_below(2)) *at ^= (uint8_t)(1 << random_below(8));
        else *at = telling[random_below(sizeof telling)];
    }
}

/* Exactly as large as its content, so that one octet beyond is seen. */
static uint8_t *changed_copy(const uint8_t *data, size_t *size) {
    size_t made = *size;
    switch (random_below(4)) {
    case 0: made = random_below((uint32_t)made + 1); break;
    case 1: made += random_below(20); break;
    default: break;
    }
    uint8_t *copy = calloc(made ? made : 1, 1);
    memcpy(copy, data, made < *size ? made : *size);
    change(copy, made);
    *size = made;
    return copy;
}

static struct state *sample_state(void) {
    struct state *state = calloc(1, sizeof *state);
    strcpy(state->serial, "FUZZ");
    strcpy(state->label, "label");
    state->iterations = FEWEST_ITERATIONS;
    for (int i = 0; i < 2; i++) {
        struct application *one = calloc(1, sizeof *one);
        state->applications[state->application_count++] = one;
        snprintf(one->name, sizeof one->name, "application %d", i);
        one->pins[0].tries = one->pins[1].tries = 6;
        struct container *box = calloc(1, sizeof *box);
        one->containers[one->container_count++] = box;
        strcpy(box->name, "container");
        box->pairs[SIGNING].is_there = true;
        octets_set(&box->pairs[SIGNING].certificate, (const uint8_t *)"certificate", 11);
        struct file *file = calloc(1, sizeof *file);
        one->files[one->file_count++] = file;
        strcpy(file->name, "file");
        octets_set(&file->content, NULL, 100);
    }
    return state;
}

static void stored_states(void) {
    const uint8_t secret[32] = {0};
    struct state *state = sample_state();
    size_t size, sealed_size, again;
    uint8_t *packed = state_pack(state, &size), *sealed = state_encode(state, secret, &sealed_size);
    for (int i = 0; i < 200; i++) {
        size_t used = size;
        uint8_t *copy = changed_copy(packed, &used);
        struct state *read = state_parse(copy, used);
        uint8_t *repacked = read ? state_pack(read, &again) : NULL;
        CHECK(!repacked || (again == used && memcmp(repacked, copy, used) == 0));
        free(repacked);
        state_free(read);
        free(copy);
    }
    for (int i = 0; i < 20; i++) {
        size_t used = sealed_size;
        uint8_t *copy = changed_copy(sealed, &used);
        const bool same = used == sealed_size && memcmp(copy, sealed, used) == 0;
        struct state *read = state_decode(copy, used, secret, "FUZZ");
        CHECK((read != NULL) == same);
        state_free(read);
        free(copy);
    }
    free(packed);
    free(sealed);
    state_free(state);
}

static DEVHANDLE device;
static HAPPLICATION application;
static HCONTAINER container;
static ECCPUBLICKEYBLOB key;

static void make_device(void) {
    BYTE auth_key[16] = {0}, block[16] = {0}, answer[32];
    ULONG room = sizeof answer, left;
    HANDLE cipher;
    const BLOCKCIPHERPARAM plain = {.IVLen = 0};
    CHECK(BYT_CreateDevice("FUZZ", "", auth_key, FEWEST_ITERATIONS) == SAR_OK);
    CHECK(SKF_ConnectDev("FUZZ", &device) == SAR_OK);
    CHECK(SKF_GenRandom(device, block, 8) == SAR_OK);
    CHECK(SKF_SetSymmKey(device, auth_key, SGD_SM4_ECB, &cipher) == SAR_OK && SKF_EncryptInit(cipher, plain) == SAR_OK);
    CHECK(SKF_Encrypt(cipher, block, 16, answer, &room) == SAR_OK && SKF_CloseHandle(cipher) == SAR_OK);
    CHECK(SKF_DevAuth(device, answer, 16) == SAR_OK);
    CHECK(SKF_CreateApplication(device, "fuzz", "adm1n-PIN", 10, "us3r-PIN", 10, 0xFF, &application) == SAR_OK);
    CHECK(SKF_VerifyPIN(application, USER_TYPE, "us3r-PIN", &left) == SAR_OK);
    CHECK(SKF_CreateContainer(application, "box", &container) == SAR_OK);
    CHECK(SKF_GenECCKeyPair(container, SGD_SM2_1, &key) == SAR_OK);
}

static void blobs(void) {
    struct {
        ENVELOPEDKEYBLOB blob;
        BYTE more[15];
    } envelope = {.blob = {.Version = 1, .ulSymmAlgID = SGD_SM4_ECB, .ulBits = 256, .PubKey = key}};
    CHECK(SKF_ExtECCEncrypt(device, &key, (BYTE *)"0123456789abcdef", 16, &envelope.blob.ECCCipherBlob) == SAR_OK);
    ECCPUBLICKEYBLOB point = key;
    ECCSIGNATUREBLOB signature;
    BYTE digest[32] = {7};
    CHECK(SKF_ECCSignData(container, digest, 32, &signature) == SAR_OK);
    CHECK(SKF_ECCVerify(device, &key, digest, 32, &signature) == SAR_OK);
    change((uint8_t *)&envelope, sizeof envelope);
    CHECK(SKF_ImportECCKeyPair(container, &envelope.blob) != SAR_OK);
    HANDLE made;
    size_t size = sizeof(ECCCIPHERBLOB) + 15;
    uint8_t *copy = changed_copy((uint8_t *)&envelope.blob.ECCCipherBlob, &size);
    CHECK(SKF_ImportSessionKey(container, SGD_SM4_CBC, copy, (ULONG)size, &made) != SAR_OK);
    free(copy);
    change((uint8_t *)&signature, sizeof signature);
    change((uint8_t *)&point, sizeof point);
    SKF_ECCVerify(device, &point, digest, 32, &signature);
    if (SKF_DigestInit(device, SGD_SM3, &point, digest, 1 + random_below(32), &made) == SAR_OK) SKF_CloseHandle(made);
}

static void certificates(const uint8_t *sample, size_t sample_size) {
    for (int i = 0; i < 20; i++) {
        size_t size = sample_size;
        uint8_t *copy = changed_copy(sample, &size);
        SKF_ImportCertificate(container, TRUE, copy, (ULONG)size);
        free(copy);
    }
}

static void responses(void) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ =\n+";
    char text[600];
    ULONG left;
    uint32_t size = random_below(sizeof text - 1);
    for (uint32_t i = 0; i < size; i++) text[i] = letters[random_below(sizeof letters - 1)];
    text[size] = 0;
    CHECK(BYT_RemoteUnblockPIN(application, text, &left) != SAR_OK);
}

static void handles(void) {
    const HANDLE near = (HANDLE)((uintptr_t)container ^ (1u << random_below(31)));
    ULONG room = 64;
    BYTE data[64] = {0};
    BLOCKCIPHERPARAM param = {.IVLen = random_below(40), .PaddingType = random_below(3)};
    HANDLE made;
    SKF_ExportPublicKey(near, random_below(2), NULL, &room);
    SKF_Encrypt(near, data, 16, data, &room);
    SKF_DigestFinal(near, data, &room);
    SKF_EnumFiles(near, NULL, &room);
    SKF_MacInit(near, &param, &made);
    SKF_GenRandom(near, data, 8);
}

/* Lengths and paddings of all kinds through one cipher, in pieces of all sizes. */
static void ciphers(void) {
    static const ULONG algorithms[] = {SGD_SM4_ECB, SGD_SM4_CBC, SGD_SM4_CFB, SGD_SM4_OFB};
    BLOCKCIPHERPARAM param = {.IVLen = 16, .PaddingType = random_below(2)};
    HANDLE cipher;
    const ULONG algorithm = algorithms[random_below(4)];
    uint32_t size = random_below(200);
    if (algorithm <= SGD_SM4_CBC && param.PaddingType == PADDING_NONE) size -= size % 16;
    BYTE text[200], sealed[232], opened[232];
    for (uint32_t i = 0; i < size; i++) text[i] = (BYTE)random_below(256);
    CHECK(SKF_SetSymmKey(device, text, algorithm, &cipher) == SAR_OK);
    CHECK(SKF_EncryptInit(cipher, param) == SAR_OK && SKF_DecryptInit(cipher, param) == SAR_OK);
    ULONG used = 0, back = 0, room;
    for (uint32_t at = 0, piece; at < size; at += piece) {
        piece = 1 + random_below(size - at);
        CHECK(SKF_EncryptUpdate(cipher, text + at, piece, NULL, &room) == SAR_OK);
        uint8_t *exact = malloc(room ? room : 1);
        CHECK(SKF_EncryptUpdate(cipher, text + at, piece, exact, &room) == SAR_OK);
        memcpy(sealed + used, exact, room);
        free(exact);
        used += room;
    }
    room = sizeof sealed - used;
    CHECK(SKF_EncryptFinal(cipher, sealed + used, &room) == SAR_OK);
    used += room;
    for (uint32_t at = 0, piece; at < used; at += piece) {
        piece = 1 + random_below(used - at);
        room = sizeof opened - back;
        CHECK(SKF_DecryptUpdate(cipher, sealed + at, piece, opened + back, &room) == SAR_OK);
        back += room;
    }
    room = sizeof opened - back;
    CHECK(SKF_DecryptFinal(cipher, opened + back, &room) == SAR_OK);
    CHECK(back + room == size && memcmp(text, opened, size) == 0);
    CHECK(SKF_CloseHandle(cipher) == SAR_OK);
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    const time_t end = time(NULL) + atoi(arguments[1]);
    seed = strtoull(arguments[2], NULL, 10) * 2 + 1;
    uint8_t sample[4096];
    FILE *file = fopen(arguments[3], "rb");
    const size_t sample_size = file ? fread(sample, 1, sizeof sample, file) : 0;
    CHECK(sample_size > 0 && crypto_ready());
    fclose(file);
    make_device();
    unsigned rounds = 0;
    do {
        stored_states();
        blobs();
        certificates(sample, sample_size);
        responses();
        handles();
        for (int i = 0; i < 20; i++) ciphers();
        rounds++;
    } while (time(NULL) < end);
    CHECK(SKF_DisConnectDev(device) == SAR_OK);
    printf("%u rounds\n", rounds);
    return 0;
}
