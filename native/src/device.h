/* A device as this process sees it, and how an operation on it runs: alone among threads, under the device's lock among
 * processes, on the state as it is stored now. */
#ifndef DEVICE_H
#define DEVICE_H

#include <pthread.h>

#include "handles.h"
#include "memory.h"
#include "state.h"
#include "store.h"

#define KEPT_KEYS 8
#define LOCK_WAIT 30000u /* ms an operation waits for a device that another caller holds */
#define MOST_LOGINS (2 * MOST_APPLICATIONS)

/* A PIN that was right. SKF: it belongs to the application, not to a handle, so closing handles does not end it. */
struct login {
    uint8_t *master; /* SEAL_KEY octets, locked memory; NULL: a free place */
    uint8_t application[ID_BYTES];
    ULONG type;
    uint32_t epoch;
    struct { /* opened private keys, so that not every signature opens one */
        uint8_t sealed[SM2_SCALAR + SEAL_ADDS];
        EVP_PKEY *key;
    } kept[KEPT_KEYS];
    unsigned next_kept;
};

struct device {
    struct device *next;
    const struct place *place;
    char serial[SERIAL_ROOM];
    pthread_mutex_t lock;
    struct state *state; /* as stored in the file that descriptor holds open */
    int descriptor;
    uint8_t machine_secret[32];
    bool is_authenticated;
    uint8_t authenticated_id[ID_BYTES]; /* the device that was */
    struct login logins[MOST_LOGINS];
};

/* What handles stand for */
struct device_handle {
    struct object object;
    struct device *device;
    int lock; /* of SKF_LockDev, or -1 */
    bool has_random;
    uint8_t random[8]; /* of the last SKF_GenRandom, for SKF_DevAuth */
};

struct application_handle {
    struct object object; /* parent: device */
    uint8_t id[ID_BYTES];
};

struct container_handle {
    struct object object; /* parent: application */
    char name[CONTAINER_ROOM];
};

struct operation {
    struct device_handle *handle;
    struct device *device;
    struct state *state;
    struct application *application;
    struct container *container;
    void *held; /* the object behind the caller's handle */
    int lock;
    bool is_writing, is_stored;
};

/* Begin an operation on what a handle stands for; on SAR_OK, and only then, operation_end must follow. */
ULONG device_begin(struct operation *run, DEVHANDLE handle, bool writing);
ULONG application_begin(struct operation *run, HAPPLICATION handle, bool writing);
ULONG container_begin(struct operation *run, HCONTAINER handle, bool writing);
/* Make the changed state durable. */
ULONG operation_store(struct operation *run);
void operation_end(struct operation *run);

struct device *device_of(const struct place *place, const char *serial); /* never freed; NULL without memory */

/* Log-ins, within an operation */
struct login *login_find(struct operation *run, ULONG type);
ULONG login_keep(struct operation *run, ULONG type, const uint8_t master[SEAL_KEY]);
void login_drop(struct operation *run, ULONG type);
bool is_authenticated(struct operation *run);

/* Answers of functions that fill a buffer. */
ULONG give(const void *data, size_t size, void *to, ULONG *room);
/* A caller's text of at most room - 1 octets; false when it is longer. */
bool fits(const char *text, size_t room);

#endif
