/* Devices: list, connect, describe, lock, authenticate; making and destroying them. */
#include "device.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "../include/banyan_skf.h"

#define DEFAULT_ITERATIONS 60000 /* about 75 ms on one core of 2017 */
#define LARGEST_BLOCK (1u << 20)

ULONG SKF_EnumDev(BOOL bPresent, LPSTR szNameList, ULONG *pulSize) {
    (void)bPresent; /* a device of ours is present or unknown */
    size_t size;
    if (!pulSize) return SAR_INVALIDPARAMERR;
    if (!store_place()) return SAR_NOTINITIALIZEERR;
    char *list = store_list(store_place(), &size);
    char *ended = list ? realloc(list, size + 2) : NULL;
    if (!ended) {
        free(list);
        return SAR_MEMORYERR;
    }
    memset(ended + size, 0, 2);
    const ULONG result = give(ended, size ? size + 1 : 2, szNameList, pulSize);
    free(ended);
    return result;
}

static void destroy_device(struct object *object) {
    store_unlock(((struct device_handle *)object)->lock);
    free(object);
}

ULONG SKF_ConnectDev(LPSTR szName, DEVHANDLE *phDev) {
    if (!szName || !phDev) return SAR_INVALIDPARAMERR;
    if (!crypto_ready()) return SAR_NOTINITIALIZEERR;
    if (!store_has(store_place(), szName)) return SAR_DEVICE_REMOVED;
    struct device_handle *handle = calloc(1, sizeof *handle);
    if (!handle) return SAR_MEMORYERR;
    handle->object.kind = DEVICE;
    handle->object.destroy = destroy_device;
    handle->lock = -1;
    handle->device = device_of(store_place(), szName);
    if (!handle->device) {
        free(handle);
        return SAR_MEMORYERR;
    }
    const ULONG result = handle_new(&handle->object, NULL, phDev);
    if (result != SAR_OK) return result;
    struct operation run; /* a device that does not open is not connected */
    const ULONG opened = device_begin(&run, *phDev, false);
    if (opened == SAR_OK) operation_end(&run);
    else handle_close(*phDev, DEVICE);
    return opened;
}

/* A locked device is let go of at once, even while handles below are in use. */
ULONG SKF_DisConnectDev(DEVHANDLE hDev) {
    SKF_UnlockDev(hDev);
    return handle_close(hDev, DEVICE);
}

ULONG SKF_GetDevState(LPSTR szDevName, ULONG *pulDevState) {
    if (!szDevName || !pulDevState) return SAR_INVALIDPARAMERR;
    *pulDevState = store_has(store_place(), szDevName) ? DEV_PRESENT_STATE : DEV_ABSENT_STATE;
    return SAR_OK;
}

ULONG SKF_SetLabel(DEVHANDLE hDev, LPSTR szLabel) {
    struct operation run;
    if (!szLabel) return SAR_INVALIDPARAMERR;
    if (!fits(szLabel, LABEL_ROOM)) return SAR_NAMELENERR;
    ULONG result = device_begin(&run, hDev, true);
    if (result != SAR_OK) return result;
    strcpy(run.state->label, szLabel);
    result = operation_store(&run);
    operation_end(&run);
    return result;
}

ULONG SKF_GetDevInfo(DEVHANDLE hDev, DEVINFO *pDevInfo) {
    struct operation run;
    size_t used = 0;
    if (!pDevInfo) return SAR_INVALIDPARAMERR;
    const ULONG result = device_begin(&run, hDev, false);
    if (result != SAR_OK) return result;
    DEVINFO info = {
        .Version = {1, 0},
        .Manufacturer = "Banyan",
        .Issuer = "Banyan",
        .HWVersion = {1, 0},
        .FirmwareVersion = {1, 0},
        .AlgSymCap = SGD_SM4_ECB | SGD_SM4_CBC | SGD_SM4_CFB | SGD_SM4_OFB | SGD_SM4_MAC,
        .AlgAsymCap = SGD_SM2 | SGD_SM2_1 | SGD_SM2_3,
        .AlgHashCap = SGD_SM3 | SGD_SHA1 | SGD_SHA256,
        .DevAuthAlgId = SGD_SM4_ECB,
        .TotalSpace = LARGEST_STATE,
        .MaxECCBufferSize = SM2_LONGEST_TEXT,
        .MaxBufferSize = LARGEST_BLOCK,
    };
    memcpy(info.Label, run.state->label, sizeof info.Label);
    memcpy(info.SerialNumber, run.state->serial, sizeof info.SerialNumber);
    free(state_encode(run.state, run.device->machine_secret, &used));
    info.FreeSpace = used < LARGEST_STATE ? (ULONG)(LARGEST_STATE - used) : 0;
    *pDevInfo = info;
    operation_end(&run);
    return SAR_OK;
}

ULONG SKF_LockDev(DEVHANDLE hDev, ULONG ulTimeOut) {
    struct device_handle *handle = handle_get(hDev, DEVICE);
    ULONG result = SAR_OK;
    int lock;
    if (!handle) return SAR_INVALIDHANDLEERR;
    pthread_mutex_lock(&handle->object.lock);
    const bool holds = handle->lock >= 0;
    pthread_mutex_unlock(&handle->object.lock);
    if (!holds && (result = store_lock(handle->device->place, handle->device->serial, true, ulTimeOut, &lock)) == SAR_OK) {
        pthread_mutex_lock(&handle->object.lock);
        handle->lock = lock;
        pthread_mutex_unlock(&handle->object.lock);
    }
    handle_put(handle);
    return result;
}

ULONG SKF_UnlockDev(DEVHANDLE hDev) {
    struct device_handle *handle = handle_get(hDev, DEVICE);
    if (!handle) return SAR_INVALIDHANDLEERR;
    pthread_mutex_lock(&handle->object.lock);
    store_unlock(handle->lock);
    handle->lock = -1;
    pthread_mutex_unlock(&handle->object.lock);
    handle_put(handle);
    return SAR_OK;
}

ULONG SKF_GenRandom(DEVHANDLE hDev, BYTE *pbRandom, ULONG ulRandomLen) {
    if (!pbRandom || ulRandomLen == 0 || ulRandomLen > LARGEST_BLOCK) return SAR_INVALIDPARAMERR;
    struct device_handle *handle = handle_get(hDev, DEVICE);
    if (!handle) return SAR_INVALIDHANDLEERR;
    const bool good = RAND_bytes(pbRandom, (int)ulRandomLen) == 1;
    pthread_mutex_lock(&handle->object.lock);
    handle->has_random = good && ulRandomLen >= sizeof handle->random;
    if (handle->has_random) memcpy(handle->random, pbRandom, sizeof handle->random);
    pthread_mutex_unlock(&handle->object.lock);
    handle_put(handle);
    return good ? SAR_OK : SAR_GENRANDERR;
}

/* The caller proves the device key: it encrypts the device's random number, padded with zeros to a block. */
ULONG SKF_DevAuth(DEVHANDLE hDev, BYTE *pbAuthData, ULONG ulLen) {
    struct operation run;
    uint8_t block[16] = {0}, expected[32];
    int made = 0;
    if (!pbAuthData) return SAR_INVALIDPARAMERR;
    if (ulLen != 16) return SAR_INDATALENERR;
    const ULONG result = device_begin(&run, hDev, false);
    if (result != SAR_OK) return result;
    pthread_mutex_lock(&run.handle->object.lock);
    const bool asked = run.handle->has_random;
    memcpy(block, run.handle->random, sizeof run.handle->random);
    run.handle->has_random = false; /* each number is good for one attempt */
    pthread_mutex_unlock(&run.handle->object.lock);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    const bool good = asked && cipher && EVP_EncryptInit_ex(cipher, EVP_sm4_ecb(), NULL, run.state->auth_key, NULL) == 1 &&
                      EVP_EncryptUpdate(cipher, expected, &made, block, 16) == 1 && made == 16 &&
                      CRYPTO_memcmp(expected, pbAuthData, 16) == 0;
    EVP_CIPHER_CTX_free(cipher);
    run.device->is_authenticated = good;
    if (good) memcpy(run.device->authenticated_id, run.state->id, ID_BYTES);
    operation_end(&run);
    return good ? SAR_OK : SAR_FAIL;
}

ULONG SKF_ChangeDevAuthKey(DEVHANDLE hDev, BYTE *pbKeyValue, ULONG ulKeyLen) {
    struct operation run;
    if (!pbKeyValue) return SAR_INVALIDPARAMERR;
    if (ulKeyLen != sizeof run.state->auth_key) return SAR_INDATALENERR;
    ULONG result = device_begin(&run, hDev, true);
    if (result != SAR_OK) return result;
    if (is_authenticated(&run)) {
        memcpy(run.state->auth_key, pbKeyValue, ulKeyLen);
        result = operation_store(&run);
    } else {
        result = SAR_USER_NOT_LOGGED_IN;
    }
    operation_end(&run);
    return result;
}

static ULONG create(const char *serial, const char *label, const uint8_t auth_key[16], uint32_t iterations) {
    struct state *state = calloc(1, sizeof *state);
    uint8_t secret[32], *data = NULL;
    size_t size;
    int descriptor;
    if (!state) return SAR_MEMORYERR;
    strcpy(state->serial, serial);
    strcpy(state->label, label);
    memcpy(state->auth_key, auth_key, sizeof state->auth_key);
    state->iterations = iterations;
    ULONG result = RAND_bytes(state->id, ID_BYTES) == 1 ? store_machine_secret(store_place(), secret, true) : SAR_GENRANDERR;
    if (result == SAR_OK) {
        data = state_encode(state, secret, &size);
        result = data ? store_write(store_place(), serial, data, size, &descriptor) : SAR_MEMORYERR;
        if (result == SAR_OK) close(descriptor);
    }
    wipe(secret, sizeof secret);
    free(data);
    state_free(state);
    return result;
}

ULONG BYT_UsePlace(LPSTR szRoot, LPSTR szMachineSecret) { return store_use(szRoot, szMachineSecret); }

ULONG BYT_CreateDevice(LPSTR szSerial, LPSTR szLabel, BYTE *pbAuthKey, ULONG ulIterations) {
    const uint32_t iterations = ulIterations ? ulIterations : DEFAULT_ITERATIONS;
    int lock;
    if (!szSerial || !szLabel || !pbAuthKey || iterations < FEWEST_ITERATIONS || iterations > MOST_ITERATIONS)
        return SAR_INVALIDPARAMERR;
    if (!is_serial(szSerial) || !fits(szLabel, LABEL_ROOM)) return SAR_NAMELENERR;
    if (!crypto_ready()) return SAR_NOTINITIALIZEERR;
    ULONG result = store_make(store_place(), szSerial);
    if (result == SAR_OK) result = store_lock(store_place(), szSerial, true, LOCK_WAIT, &lock);
    if (result != SAR_OK) return result;
    result = store_has(store_place(), szSerial) ? SAR_OBJERR : create(szSerial, szLabel, pbAuthKey, iterations);
    store_unlock(lock);
    return result;
}

ULONG BYT_DestroyDevice(DEVHANDLE hDev) {
    struct operation run;
    ULONG result = device_begin(&run, hDev, true);
    if (result != SAR_OK) return result;
    result = is_authenticated(&run) ? store_remove(run.device->place, run.device->serial) : SAR_USER_NOT_LOGGED_IN;
    operation_end(&run);
    if (result == SAR_OK) handle_close(hDev, DEVICE);
    return result;
}
