/* A program written against the standard's header alone: it makes an application in a device, works through what certificate
 * work needs, and deletes it again. usage: conform DEVICE AUTH_KEY (32 hexadecimal digits). Prints a line for each call that
 * returned something else than the standard says; ends with the number of such calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skf.h"

static int steps, faults;

static int expect(const char *what, ULONG wanted, ULONG got, int line) {
    steps++;
    if (wanted == got) return 1;
    faults++;
    printf("line %d: %s: expected 0x%08X, returned 0x%08X\n", line, what, (unsigned)wanted, (unsigned)got);
    return 0;
}

#define EXPECT(code, call) expect(#call, code, call, __LINE__)
#define MUST(call) \
    if (!EXPECT(SAR_OK, call)) return
#define TRUE_THAT(what) expect(#what, 1, (what) ? 1 : 0, __LINE__)

static DEVHANDLE device;
static HAPPLICATION application;
static HCONTAINER container;
static BYTE auth_key[16];
static ECCPUBLICKEYBLOB signing_key;

#define APPLICATION "CONFORM-C"
#define ADMIN_PIN "adm1n-C-pr0gram"
#define USER_PIN "us3r-C-pr0gram"
#define NEW_PIN "n3w-C-pr0gram"
#define BAD_PIN "b4d-C-pr0gram"

/* GB/T 32918.5: the key, the digest with Z of "message digest", and a signature of it */
static const BYTE known_scalar[] =
    "\x39\x45\x20\x8F\x7B\x21\x44\xB1\x3F\x36\xE3\x8A\xC6\xD3\x9F\x95\x88\x93\x93\x69\x28\x60\xB5\x1A\x42\xFB\x81\xEF"
    "\x4D\xF7\xC5\xB8";
static const BYTE known_x[] =
    "\x09\xF9\xDF\x31\x1E\x54\x21\xA1\x50\xDD\x7D\x16\x1E\x4B\xC5\xC6\x72\x17\x9F\xAD\x18\x33\xFC\x07\x6B\xB0\x8F\xF3"
    "\x56\xF3\x50\x20";
static const BYTE known_y[] =
    "\xCC\xEA\x49\x0C\xE2\x67\x75\xA5\x2D\xC6\xEA\x71\x8C\xC1\xAA\x60\x0A\xED\x05\xFB\xF3\x5E\x08\x4A\x66\x32\xF6\x07"
    "\x2D\xA9\xAD\x13";
static const BYTE known_digest[] =
    "\xF0\xB4\x3E\x94\xBA\x45\xAC\xCA\xAC\xE6\x92\xED\x53\x43\x82\xEB\x17\xE6\xAB\x5A\x19\xCE\x7B\x31\xF4\x48\x6F\xDF"
    "\xC0\xD2\x86\x40";
static const BYTE known_r[] =
    "\xF5\xA0\x3B\x06\x48\xD2\xC4\x63\x0E\xEA\xC5\x13\xE1\xBB\x81\xA1\x59\x44\xDA\x38\x27\xD5\xB7\x41\x43\xAC\x7E\xAC"
    "\xEE\xE7\x20\xB3";
static const BYTE known_s[] =
    "\xB1\xB6\xAA\x29\xDF\x21\x2F\xD8\x76\x31\x82\xBC\x0D\x42\x1C\xA1\xBB\x90\x38\xFD\x1F\x7F\x42\xD4\x84\x0B\x69\xC4"
    "\x85\xBB\xC1\xAA";

/* A certificate in DER around a public key 04 | X | Y; its signature is none. */
static const BYTE certificate_head[] = {
    0x30, 0x81, 0xD9, 0x30, 0x81, 0xBF, 0xA0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01, 0x30, 0x0A, 0x06, 0x08,
    0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x83, 0x75, 0x30, 0x16, 0x31, 0x14, 0x30, 0x12, 0x06, 0x03, 0x55, 0x04,
    0x03, 0x13, 0x0B, 0x63, 0x6F, 0x6E, 0x66, 0x6F, 0x72, 0x6D, 0x61, 0x6E, 0x63, 0x65, 0x30, 0x1E, 0x17, 0x0D,
    0x32, 0x35, 0x30, 0x31, 0x30, 0x31, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x5A, 0x17, 0x0D, 0x34, 0x35, 0x31,
    0x32, 0x33, 0x31, 0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x5A, 0x30, 0x16, 0x31, 0x14, 0x30, 0x12, 0x06, 0x03,
    0x55, 0x04, 0x03, 0x13, 0x0B, 0x63, 0x6F, 0x6E, 0x66, 0x6F, 0x72, 0x6D, 0x61, 0x6E, 0x63, 0x65, 0x30, 0x59,
    0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x81, 0x1C, 0xCF, 0x55,
    0x01, 0x82, 0x2D, 0x03, 0x42, 0x00};
static const BYTE certificate_tail[] = {
    0x30, 0x0A, 0x06, 0x08, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x83, 0x75, 0x03, 0x09, 0x00, 0x30, 0x06, 0x02,
    0x01, 0x01, 0x02, 0x01, 0x01};

static ECCPUBLICKEYBLOB known_key(void) {
    ECCPUBLICKEYBLOB key = {.BitLen = 256};
    memcpy(key.XCoordinate + 32, known_x, 32);
    memcpy(key.YCoordinate + 32, known_y, 32);
    return key;
}

static int has_name(const char *list, const char *name) {
    for (; *list; list += strlen(list) + 1)
        if (strcmp(list, name) == 0) return 1;
    return 0;
}

static ULONG sm4_ecb(const BYTE *key, const BYTE *data, ULONG size, BYTE *out) {
    HANDLE handle;
    BLOCKCIPHERPARAM plain = {.IVLen = 0};
    ULONG room = size, result = SKF_SetSymmKey(device, (BYTE *)key, SGD_SM4_ECB, &handle);
    if (result != SAR_OK) return result;
    result = SKF_EncryptInit(handle, plain);
    if (result == SAR_OK) result = SKF_Encrypt(handle, (BYTE *)data, size, out, &room);
    SKF_CloseHandle(handle);
    return result;
}

static void layouts(void) {
    TRUE_THAT(sizeof(DEVINFO) == 294);
    TRUE_THAT(sizeof(ECCPUBLICKEYBLOB) == 132);
    TRUE_THAT(sizeof(ECCPRIVATEKEYBLOB) == 68);
    TRUE_THAT(sizeof(ECCSIGNATUREBLOB) == 128);
    TRUE_THAT(sizeof(ECCCIPHERBLOB) == 165);
    TRUE_THAT(sizeof(ENVELOPEDKEYBLOB) == 373);
    TRUE_THAT(sizeof(RSAPUBLICKEYBLOB) == 268);
    TRUE_THAT(sizeof(BLOCKCIPHERPARAM) == 44);
    TRUE_THAT(sizeof(FILEATTRIBUTE) == 44);
}

static int connect_to(char *name) {
    char list[4096];
    ULONG size = 0, state = 99;
    DEVINFO info;
    EXPECT(SAR_INVALIDPARAMERR, SKF_EnumDev(TRUE, list, NULL));
    EXPECT(SAR_OK, SKF_EnumDev(TRUE, NULL, &size));
    TRUE_THAT(size > strlen(name) && size <= sizeof list);
    ULONG little = 1;
    EXPECT(SAR_BUFFER_TOO_SMALL, SKF_EnumDev(TRUE, list, &little));
    TRUE_THAT(little == size);
    EXPECT(SAR_OK, SKF_EnumDev(TRUE, list, &size));
    TRUE_THAT(has_name(list, name));
    EXPECT(SAR_OK, SKF_GetDevState(name, &state));
    TRUE_THAT(state == DEV_PRESENT_STATE);
    if (!EXPECT(SAR_OK, SKF_ConnectDev(name, &device))) return 0;
    EXPECT(SAR_OK, SKF_GetDevInfo(device, &info));
    TRUE_THAT(info.SerialNumber[0] && info.DevAuthAlgId == SGD_SM4_ECB);
    EXPECT(SAR_OK, SKF_LockDev(device, 1000));
    EXPECT(SAR_OK, SKF_GetDevInfo(device, &info));
    EXPECT(SAR_OK, SKF_UnlockDev(device));
    return 1;
}

static void bad_handles(void) {
    const uintptr_t numbers[] = {0, 1, 0x1000, 0xDEADBEEF, UINTPTR_MAX, (uintptr_t)device + 1, (uintptr_t)&device};
    ULONG size = 0;
    BYTE data[32] = {0};
    BLOCKCIPHERPARAM plain = {.IVLen = 0};
    ECCSIGNATUREBLOB signature;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        HANDLE bad = (HANDLE)numbers[i];
        EXPECT(SAR_INVALIDHANDLEERR, SKF_DisConnectDev(bad));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_GenRandom(bad, data, 8));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_EnumContainer(bad, NULL, &size));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_ECCSignData(bad, data, 32, &signature));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_EncryptInit(bad, plain));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_DigestUpdate(bad, data, 32));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_MacUpdate(bad, data, 32));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_CloseHandle(bad));
    }
    EXPECT(SAR_INVALIDHANDLEERR, SKF_CloseApplication(device)); /* a handle, but of another kind */
}

static void authenticate(void) {
    BYTE block[16] = {0}, answer[16];
    EXPECT(SAR_FAIL, SKF_DevAuth(device, block, 16)); /* no random number was asked for */
    MUST(SKF_GenRandom(device, block, 8));
    MUST(sm4_ecb(auth_key, block, 16, answer));
    EXPECT(SAR_OK, SKF_DevAuth(device, answer, 16));
    EXPECT(SAR_FAIL, SKF_DevAuth(device, answer, 16)); /* a replay, which also ends the authentication */
    EXPECT(SAR_USER_NOT_LOGGED_IN, SKF_DeleteApplication(device, APPLICATION));
    MUST(SKF_GenRandom(device, block, 8));
    memset(block + 8, 0, 8);
    MUST(sm4_ecb(auth_key, block, 16, answer));
    EXPECT(SAR_OK, SKF_DevAuth(device, answer, 16));
}

static void pins(void) {
    ULONG most = 0, left = 99;
    BOOL is_default = FALSE;
    EXPECT(SAR_OK, SKF_GetPINInfo(application, USER_TYPE, &most, &left, &is_default));
    TRUE_THAT(most == 3 && left == 3 && is_default);
    EXPECT(SAR_USER_TYPE_INVALID, SKF_VerifyPIN(application, 2, USER_PIN, &left));
    EXPECT(SAR_PIN_LEN_RANGE, SKF_VerifyPIN(application, USER_TYPE, "short", &left));
    TRUE_THAT(left == 3);
    EXPECT(SAR_PIN_INCORRECT, SKF_VerifyPIN(application, USER_TYPE, BAD_PIN, &left));
    TRUE_THAT(left == 2);
    EXPECT(SAR_PIN_INVALID, SKF_ChangePIN(application, USER_TYPE, USER_PIN, "12345678", &left));
    EXPECT(SAR_OK, SKF_ChangePIN(application, USER_TYPE, USER_PIN, NEW_PIN, &left));
    EXPECT(SAR_OK, SKF_GetPINInfo(application, USER_TYPE, &most, &left, &is_default));
    TRUE_THAT(left == 3 && !is_default);
    EXPECT(SAR_PIN_INCORRECT, SKF_VerifyPIN(application, USER_TYPE, USER_PIN, &left));
    EXPECT(SAR_OK, SKF_VerifyPIN(application, USER_TYPE, NEW_PIN, &left));
}

static void sign(void) {
    BYTE digest[32];
    ULONG size = sizeof digest, type = 99;
    ECCSIGNATUREBLOB signature;
    ECCPUBLICKEYBLOB exported;
    HANDLE hash;
    MUST(SKF_CreateContainer(application, "one", &container));
    EXPECT(SAR_OK, SKF_GetContainerType(container, &type));
    TRUE_THAT(type == CONTAINER_TYPE_NONE);
    EXPECT(SAR_KEYNOTFOUNTERR, SKF_ECCSignData(container, digest, 32, &signature));
    MUST(SKF_GenECCKeyPair(container, SGD_SM2_1, &signing_key));
    EXPECT(SAR_OK, SKF_GetContainerType(container, &type));
    TRUE_THAT(type == CONTAINER_TYPE_ECC);
    ULONG room = sizeof exported;
    EXPECT(SAR_OK, SKF_ExportPublicKey(container, TRUE, (BYTE *)&exported, &room));
    TRUE_THAT(room == 132 && memcmp(&exported, &signing_key, 132) == 0);
    EXPECT(SAR_OK, SKF_DigestInit(device, SGD_SM3, &signing_key, (BYTE *)"1234567812345678", 16, &hash));
    EXPECT(SAR_OK, SKF_Digest(hash, (BYTE *)"a document", 10, digest, &size));
    EXPECT(SAR_OK, SKF_CloseHandle(hash));
    EXPECT(SAR_OK, SKF_ECCSignData(container, digest, 32, &signature));
    EXPECT(SAR_OK, SKF_ECCVerify(device, &signing_key, digest, 32, &signature));
    digest[31] ^= 1;
    EXPECT(SAR_FAIL, SKF_ExtECCVerify(device, &signing_key, digest, 32, &signature));
}

static void known_answers(void) {
    ECCPUBLICKEYBLOB key = known_key();
    ECCSIGNATUREBLOB signature = {{0}, {0}};
    BYTE digest[32];
    ULONG size = sizeof digest;
    HANDLE hash;
    EXPECT(SAR_OK, SKF_DigestInit(device, SGD_SM3, &key, (BYTE *)"1234567812345678", 16, &hash));
    EXPECT(SAR_OK, SKF_DigestUpdate(hash, (BYTE *)"message ", 8));
    EXPECT(SAR_OK, SKF_DigestUpdate(hash, (BYTE *)"digest", 6));
    EXPECT(SAR_OK, SKF_DigestFinal(hash, digest, &size));
    TRUE_THAT(size == 32 && memcmp(digest, known_digest, 32) == 0);
    EXPECT(SAR_OK, SKF_CloseHandle(hash));
    memcpy(signature.r + 32, known_r, 32);
    memcpy(signature.s + 32, known_s, 32);
    EXPECT(SAR_OK, SKF_ECCVerify(device, &key, digest, 32, &signature));
    key.YCoordinate[63] ^= 1; /* not on the curve */
    EXPECT(SAR_INDATAERR, SKF_ECCVerify(device, &key, digest, 32, &signature));
}

/* The encryption pair arrives in an envelope, as from a key management centre. */
static void take_envelope(void) {
    union {
        ENVELOPEDKEYBLOB blob;
        BYTE room[sizeof(ENVELOPEDKEYBLOB) + 15];
    } envelope = {.blob = {.Version = 1, .ulSymmAlgID = SGD_SM4_ECB, .ulBits = 256, .PubKey = known_key()}};
    const BYTE kek[17] = "0123456789abcdef";
    ECCPUBLICKEYBLOB exported;
    ULONG room = sizeof exported;
    MUST(sm4_ecb(kek, known_scalar, 32, envelope.blob.cbEncryptedPriKey + 32));
    MUST(SKF_ExtECCEncrypt(device, &signing_key, (BYTE *)kek, 16, &envelope.blob.ECCCipherBlob));
    envelope.blob.cbEncryptedPriKey[63] ^= 1;
    EXPECT(SAR_INDATAERR, SKF_ImportECCKeyPair(container, &envelope.blob));
    envelope.blob.cbEncryptedPriKey[63] ^= 1;
    EXPECT(SAR_OK, SKF_ImportECCKeyPair(container, &envelope.blob));
    EXPECT(SAR_OK, SKF_ExportPublicKey(container, FALSE, (BYTE *)&exported, &room));
    ECCPUBLICKEYBLOB known = known_key();
    TRUE_THAT(memcmp(&exported, &known, sizeof known) == 0);
}

static void certificates(void) {
    BYTE made[1024], exported[1024];
    const ULONG size = sizeof certificate_head + 65 + sizeof certificate_tail;
    ULONG room = 0;
    memcpy(made, certificate_head, sizeof certificate_head);
    memcpy(made + sizeof certificate_head + 65, certificate_tail, sizeof certificate_tail);
    BYTE *point = made + sizeof certificate_head;
    point[0] = 4;
    memcpy(point + 1, known_x, 32);
    memcpy(point + 33, known_y, 32);
    EXPECT(SAR_INDATAERR, SKF_ImportCertificate(container, TRUE, made, size)); /* of another key */
    EXPECT(SAR_CERTNOTFOUNTERR, SKF_ExportCertificate(container, FALSE, NULL, &room));
    EXPECT(SAR_OK, SKF_ImportCertificate(container, FALSE, made, size));
    memcpy(point + 1, signing_key.XCoordinate + 32, 32);
    memcpy(point + 33, signing_key.YCoordinate + 32, 32);
    EXPECT(SAR_OK, SKF_ImportCertificate(container, TRUE, made, size));
    EXPECT(SAR_OK, SKF_ExportCertificate(container, TRUE, NULL, &room));
    TRUE_THAT(room == size);
    EXPECT(SAR_OK, SKF_ExportCertificate(container, TRUE, exported, &room));
    TRUE_THAT(memcmp(made, exported, size) == 0);
}

static void session_keys(void) {
    union {
        ECCCIPHERBLOB blob;
        BYTE room[sizeof(ECCCIPHERBLOB) + 15];
    } wrapped;
    ECCPUBLICKEYBLOB key = known_key();
    BLOCKCIPHERPARAM param = {.IV = "an iv of 16 byte", .IVLen = 16, .PaddingType = PADDING_PKCS5};
    BYTE text[100], sealed[128], opened[128], mac[16], again[16];
    HANDLE mine, theirs, run;
    memset(text, 'x', sizeof text);
    MUST(SKF_ECCExportSessionKey(container, SGD_SM4_CBC, &key, &wrapped.blob, &mine));
    EXPECT(SAR_INDATALENERR, SKF_ImportSessionKey(container, SGD_SM4_CBC, wrapped.room, 179, &theirs));
    MUST(SKF_ImportSessionKey(container, SGD_SM4_CBC, wrapped.room, 180, &theirs));
    for (ULONG size = 0; size <= sizeof text; size += 7) {
        ULONG needed = 0, room;
        EXPECT(SAR_OK, SKF_EncryptInit(mine, param));
        EXPECT(SAR_OK, SKF_Encrypt(mine, text, size, NULL, &needed));
        TRUE_THAT(needed == size - size % 16 + 16);
        EXPECT(SAR_OK, SKF_Encrypt(mine, text, size, sealed, &needed));
        EXPECT(SAR_OK, SKF_DecryptInit(theirs, param));
        room = sizeof opened;
        EXPECT(SAR_OK, SKF_Decrypt(theirs, sealed, needed, opened, &room));
        TRUE_THAT(room == size && memcmp(text, opened, size) == 0);
    }
    ULONG room = sizeof sealed;
    EXPECT(SAR_NOTINITIALIZEERR, SKF_Encrypt(mine, text, 16, sealed, &room));
    param.PaddingType = PADDING_NONE;
    EXPECT(SAR_OK, SKF_MacInit(mine, &param, &run));
    room = sizeof mac;
    EXPECT(SAR_OK, SKF_Mac(run, text, 96, mac, &room));
    EXPECT(SAR_OK, SKF_CloseHandle(run));
    EXPECT(SAR_OK, SKF_MacInit(theirs, &param, &run));
    for (int i = 0; i < 96; i += 12) EXPECT(SAR_OK, SKF_MacUpdate(run, text, 12));
    room = sizeof again;
    EXPECT(SAR_OK, SKF_MacFinal(run, again, &room));
    TRUE_THAT(memcmp(mac, again, 16) == 0);
    EXPECT(SAR_OK, SKF_CloseHandle(run));
    EXPECT(SAR_OK, SKF_DestroySessionKey(mine));
    EXPECT(SAR_OK, SKF_CloseHandle(theirs));
    EXPECT(SAR_INVALIDHANDLEERR, SKF_CloseHandle(theirs));
}

static void files(void) {
    BYTE data[32];
    ULONG room = sizeof data;
    FILEATTRIBUTE attribute;
    char list[256];
    EXPECT(SAR_OK, SKF_CreateFile(application, "note", 32, SECURE_ANYONE_ACCOUNT, SECURE_USER_ACCOUNT));
    EXPECT(SAR_FILE_ALREADY_EXIST, SKF_CreateFile(application, "note", 32, SECURE_ANYONE_ACCOUNT, SECURE_USER_ACCOUNT));
    EXPECT(SAR_OK, SKF_WriteFile(application, "note", 28, (BYTE *)"note", 4));
    EXPECT(SAR_INDATALENERR, SKF_WriteFile(application, "note", 29, (BYTE *)"note", 4));
    EXPECT(SAR_OK, SKF_ReadFile(application, "note", 28, 100, data, &room));
    TRUE_THAT(room == 4 && memcmp(data, "note", 4) == 0);
    EXPECT(SAR_OK, SKF_GetFileInfo(application, "note", &attribute));
    TRUE_THAT(attribute.FileSize == 32 && attribute.WriteRights == SECURE_USER_ACCOUNT);
    room = sizeof list;
    EXPECT(SAR_OK, SKF_EnumFiles(application, list, &room));
    TRUE_THAT(has_name(list, "note"));
    EXPECT(SAR_OK, SKF_ClearSecureState(application));
    EXPECT(SAR_USER_NOT_LOGGED_IN, SKF_WriteFile(application, "note", 0, (BYTE *)"note", 4));
    EXPECT(SAR_OK, SKF_DeleteFile(application, "note"));
    EXPECT(SAR_FILE_NOT_EXIST, SKF_DeleteFile(application, "note"));
}

static void lock_and_unblock(void) {
    ULONG left = 99;
    BYTE digest[32] = {1};
    ECCSIGNATUREBLOB signature;
    EXPECT(SAR_USER_NOT_LOGGED_IN, SKF_ECCSignData(container, digest, 32, &signature));
    EXPECT(SAR_PIN_INCORRECT, SKF_VerifyPIN(application, USER_TYPE, BAD_PIN, &left));
    EXPECT(SAR_PIN_INCORRECT, SKF_VerifyPIN(application, USER_TYPE, BAD_PIN, &left));
    TRUE_THAT(left == 1);
    EXPECT(SAR_PIN_LOCKED, SKF_VerifyPIN(application, USER_TYPE, BAD_PIN, &left));
    EXPECT(SAR_PIN_LOCKED, SKF_VerifyPIN(application, USER_TYPE, NEW_PIN, &left));
    EXPECT(SAR_PIN_LOCKED, SKF_ChangePIN(application, USER_TYPE, NEW_PIN, USER_PIN, &left));
    EXPECT(SAR_PIN_INCORRECT, SKF_UnblockPIN(application, BAD_PIN, USER_PIN, &left));
    TRUE_THAT(left == 2);
    EXPECT(SAR_OK, SKF_UnblockPIN(application, ADMIN_PIN, USER_PIN, &left));
    EXPECT(SAR_OK, SKF_VerifyPIN(application, USER_TYPE, USER_PIN, &left));
    EXPECT(SAR_OK, SKF_ECCSignData(container, digest, 32, &signature));
}

static void work(void) {
    MUST(SKF_CreateApplication(device, APPLICATION, ADMIN_PIN, 3, USER_PIN, 3, SECURE_ANYONE_ACCOUNT, &application));
    pins();
    sign();
    take_envelope();
    certificates();
    session_keys();
    files();
    lock_and_unblock();
    EXPECT(SAR_OK, SKF_DeleteContainer(application, "one"));
    EXPECT(SAR_INVALIDHANDLEERR, SKF_GetContainerType(container, &(ULONG){0}));
    EXPECT(SAR_OK, SKF_CloseContainer(container));
    EXPECT(SAR_OK, SKF_DeleteApplication(device, APPLICATION));
    EXPECT(SAR_APPLICATION_NOT_EXISTS, SKF_EnumFiles(application, NULL, &(ULONG){0}));
}

int main(int count, char **arguments) {
    if (count != 3 || strlen(arguments[2]) != 32) return 255;
    for (int i = 0; i < 16; i++) {
        const char digits[] = {arguments[2][2 * i], arguments[2][2 * i + 1], 0};
        auth_key[i] = (BYTE)strtoul(digits, NULL, 16);
    }
    layouts();
    if (connect_to(arguments[1])) {
        bad_handles();
        known_answers();
        authenticate();
        work();
        EXPECT(SAR_OK, SKF_DisConnectDev(device));
        EXPECT(SAR_INVALIDHANDLEERR, SKF_ClearSecureState(application)); /* void with its device */
    }
    printf("%d steps, %d faults\n", steps, faults);
    return faults > 254 ? 254 : faults;
}
