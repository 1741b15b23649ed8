#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "device.h"

static struct device *devices;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t watching_forks = PTHREAD_ONCE_INIT;

static void login_clear(struct login *login) {
    for (unsigned i = 0; i < KEPT_KEYS; i++) EVP_PKEY_free(login->kept[i].key);
    if (login->master) secret_free(login->master, SEAL_KEY);
    memset(login, 0, sizeof *login);
}

static void close_lock(struct object *object) {
    if (object->kind == DEVICE && ((struct device_handle *)object)->lock >= 0) close(((struct device_handle *)object)->lock);
}

/* A child is another user of the device: it has no handles and no log-ins, and must not hold the parent's locks. */
static void after_fork(void) {
    handles_each(close_lock);
    handles_forget();
    pthread_mutex_init(&guard, NULL);
    store_after_fork();
    for (struct device *one = devices; one; one = one->next) {
        if (one->descriptor >= 0) close(one->descriptor);
        for (int i = 0; i < MOST_LOGINS; i++)
            if (one->logins[i].master) wipe(one->logins[i].master, SEAL_KEY);
    }
    devices = NULL; /* another thread may have been in the middle of one: nothing of it is used again */
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, after_fork); }

struct device *device_of(const struct place *place, const char *serial) {
    pthread_once(&watching_forks, watch_forks);
    pthread_mutex_lock(&guard);
    struct device *one = devices;
    while (one && (one->place != place || strcmp(one->serial, serial) != 0)) one = one->next;
    if (!one && (one = calloc(1, sizeof *one))) {
        one->place = place;
        strcpy(one->serial, serial);
        one->descriptor = -1;
        pthread_mutex_init(&one->lock, NULL);
        one->next = devices;
        devices = one;
    }
    pthread_mutex_unlock(&guard);
    return one;
}

static void forget_state(struct device *device) {
    state_free(device->state);
    device->state = NULL;
    if (device->descriptor >= 0) close(device->descriptor);
    device->descriptor = -1;
}

static ULONG load(struct device *device) {
    uint8_t *data;
    size_t size;
    if (device->state && store_is_current(device->place, device->serial, device->descriptor)) return SAR_OK;
    forget_state(device);
    ULONG result = store_machine_secret(device->place, device->machine_secret, false);
    if (result == SAR_OK) result = store_read(device->place, device->serial, &data, &size, &device->descriptor);
    if (result != SAR_OK) return store_has(device->place, device->serial) ? result : SAR_DEVICE_REMOVED;
    device->state = state_decode(data, size, device->machine_secret, device->serial);
    free(data);
    return device->state ? SAR_OK : SAR_READFILEERR;
}

static ULONG begin(struct operation *run, struct device_handle *handle, bool writing) {
    run->handle = handle;
    run->device = handle->device;
    run->is_writing = writing;
    run->is_stored = false;
    run->lock = -1;
    /* Not under the device's mutex: whoever holds the lock may be another handle of this process. */
    pthread_mutex_lock(&handle->object.lock);
    const bool holds = handle->lock >= 0;
    pthread_mutex_unlock(&handle->object.lock);
    ULONG result = holds ? SAR_OK : store_lock(run->device->place, run->device->serial, writing, LOCK_WAIT, &run->lock);
    if (result != SAR_OK) return result;
    pthread_mutex_lock(&run->device->lock);
    result = load(run->device);
    run->state = run->device->state;
    if (result != SAR_OK) {
        pthread_mutex_unlock(&run->device->lock);
        store_unlock(run->lock);
    }
    return result;
}

void operation_end(struct operation *run) {
    /* What was changed and not stored never happened. */
    if (run->is_writing && !run->is_stored) forget_state(run->device);
    pthread_mutex_unlock(&run->device->lock);
    store_unlock(run->lock);
    handle_put(run->held);
}

ULONG device_begin(struct operation *run, DEVHANDLE handle, bool writing) {
    memset(run, 0, sizeof *run);
    struct device_handle *device = handle_get(handle, DEVICE);
    if (!device) return SAR_INVALIDHANDLEERR;
    run->held = device;
    const ULONG result = begin(run, device, writing);
    if (result != SAR_OK) handle_put(device);
    return result;
}

static ULONG begin_in(struct operation *run, struct application_handle *application, bool writing) {
    const ULONG result = begin(run, (struct device_handle *)application->object.parent, writing);
    if (result != SAR_OK) return result;
    run->application = find_application_by_id(run->state, application->id);
    return SAR_OK;
}

ULONG application_begin(struct operation *run, HAPPLICATION handle, bool writing) {
    memset(run, 0, sizeof *run);
    struct application_handle *application = handle_get(handle, APPLICATION);
    if (!application) return SAR_INVALIDHANDLEERR;
    run->held = application;
    const ULONG result = begin_in(run, application, writing);
    if (result != SAR_OK) {
        handle_put(application);
        return result;
    }
    if (run->application) return SAR_OK;
    operation_end(run);
    return SAR_APPLICATION_NOT_EXISTS;
}

ULONG container_begin(struct operation *run, HCONTAINER handle, bool writing) {
    memset(run, 0, sizeof *run);
    struct container_handle *container = handle_get(handle, CONTAINER);
    if (!container) return SAR_INVALIDHANDLEERR;
    run->held = container;
    const ULONG result = begin_in(run, (struct application_handle *)container->object.parent, writing);
    if (result != SAR_OK) {
        handle_put(container);
        return result;
    }
    if (run->application) run->container = find_container(run->application, container->name);
    if (run->container) return SAR_OK;
    operation_end(run);
    return run->application ? SAR_INVALIDHANDLEERR : SAR_APPLICATION_NOT_EXISTS;
}

ULONG operation_store(struct operation *run) {
    size_t size;
    int descriptor;
    run->is_stored = false;
    uint8_t *data = state_encode(run->state, run->device->machine_secret, &size);
    if (!data) return size > LARGEST_STATE ? SAR_NO_ROOM : SAR_MEMORYERR;
    const ULONG result = store_write(run->device->place, run->device->serial, data, size, &descriptor);
    free(data);
    if (result != SAR_OK) return result;
    if (run->device->descriptor >= 0) close(run->device->descriptor);
    run->device->descriptor = descriptor;
    run->is_stored = true;
    return SAR_OK;
}

struct login *login_find(struct operation *run, ULONG type) {
    const struct pin *pin = &run->application->pins[type];
    for (int i = 0; i < MOST_LOGINS; i++) {
        struct login *one = &run->device->logins[i];
        if (!one->master || one->type != type || memcmp(one->application, run->application->id, ID_BYTES) != 0) continue;
        if (one->epoch == pin->epoch && pin->left > 0) return one;
        login_clear(one); /* the PIN was changed or locked since, perhaps by another process */
    }
    return NULL;
}

void login_drop(struct operation *run, ULONG type) {
    struct login *one = login_find(run, type);
    if (one) login_clear(one);
}

ULONG login_keep(struct operation *run, ULONG type, const uint8_t master[SEAL_KEY]) {
    login_drop(run, type);
    for (int i = 0; i < MOST_LOGINS; i++) {
        struct login *one = &run->device->logins[i];
        /* Of deleted applications nobody asks any more: their places are taken over. */
        if (one->master && find_application_by_id(run->state, one->application)) continue;
        login_clear(one);
        one->master = secret_new(SEAL_KEY);
        if (!one->master) return SAR_MEMORYERR;
        memcpy(one->master, master, SEAL_KEY);
        memcpy(one->application, run->application->id, ID_BYTES);
        one->type = type;
        one->epoch = run->application->pins[type].epoch;
        return SAR_OK;
    }
    return SAR_MEMORYERR;
}

bool is_authenticated(struct operation *run) {
    return run->device->is_authenticated && memcmp(run->device->authenticated_id, run->state->id, ID_BYTES) == 0;
}

ULONG give(const void *data, size_t size, void *to, ULONG *room) {
    if (!room) return SAR_INVALIDPARAMERR;
    const ULONG had = *room;
    *room = (ULONG)size;
    if (!to) return SAR_OK;
    if (had < size) return SAR_BUFFER_TOO_SMALL;
    memcpy(to, data, size);
    return SAR_OK;
}

bool fits(const char *text, size_t room) { return strnlen(text, room) < room; }
