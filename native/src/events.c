/* Plugging and unplugging: a device comes and goes with its directory. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "device.h"

#define LOOK_AGAIN 200 /* ms; the system tells of new directories at once, of the state inside them only this does */

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint cancelled; /* counts calls of SKF_CancelWaitForDevEvent */
static atomic_uint waiting;

static bool lists(const char *list, size_t size, const char *name) {
    for (const char *at = list; at && at < list + size; at += strlen(at) + 1)
        if (strcmp(at, name) == 0) return true;
    return false;
}

/* The first name of one list that the other lacks. */
static const char *first_beyond(const char *list, size_t size, const char *other, size_t other_size) {
    for (const char *at = list; at && at < list + size; at += strlen(at) + 1)
        if (!lists(other, other_size, at)) return at;
    return NULL;
}

static void add(struct place *place, const char *name) {
    char *larger = realloc(place->known, place->known_size + strlen(name) + 1);
    if (!larger) return;
    place->known = larger;
    strcpy(place->known + place->known_size, name);
    place->known_size += strlen(name) + 1;
}

static void drop(struct place *place, const char *name) {
    char *at = place->known;
    while (strcmp(at, name) != 0) at += strlen(at) + 1;
    const size_t size = strlen(at) + 1;
    memmove(at, at + size, place->known_size - (size_t)(at - place->known) - size);
    place->known_size -= size;
}

/* One difference between what is known and what is there; 0 without one. */
static ULONG next_event(struct place *place, char name[SERIAL_ROOM]) {
    size_t size;
    ULONG event = 0;
    char *list = store_list(place, &size);
    pthread_mutex_lock(&guard);
    const char *found = list ? first_beyond(place->known, place->known_size, list, size) : NULL;
    if (found) {
        event = DEV_EVENT_REMOVED;
        strcpy(name, found);
        drop(place, name);
    } else if (list && (found = first_beyond(list, size, place->known, place->known_size))) {
        event = DEV_EVENT_INSERTED;
        strcpy(name, found);
        add(place, name);
    }
    pthread_mutex_unlock(&guard);
    free(list);
    return event;
}

static void begin_to_watch(struct place *place) {
    pthread_mutex_lock(&guard);
    if (!place->known) {
        place->known = store_list(place, &place->known_size);
        if (!place->known) place->known = calloc(1, 1);
    }
    pthread_mutex_unlock(&guard);
}

ULONG SKF_WaitForDevEvent(LPSTR szDevName, ULONG *pulDevNameLen, ULONG *pulEvent) {
    char name[SERIAL_ROOM], read_off[4096];
    ULONG event;
    if (!szDevName || !pulDevNameLen || !pulEvent) return SAR_INVALIDPARAMERR;
    if (*pulDevNameLen < SERIAL_ROOM) { /* or the event would be lost on a caller with too little room */
        *pulDevNameLen = SERIAL_ROOM;
        return SAR_BUFFER_TOO_SMALL;
    }
    struct place *place = store_place();
    if (!place) return SAR_NOTINITIALIZEERR;
    const unsigned since = atomic_load(&cancelled);
    atomic_fetch_add(&waiting, 1);
    const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch >= 0)
        inotify_add_watch(watch, place->root, IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO);
    begin_to_watch(place);
    while (!(event = next_event(place, name)) && atomic_load(&cancelled) == since) {
        struct pollfd ready = {watch, POLLIN, 0};
        if (poll(&ready, 1, LOOK_AGAIN) > 0)
            while (read(watch, read_off, sizeof read_off) > 0) {}
    }
    if (watch >= 0) close(watch);
    atomic_fetch_sub(&waiting, 1);
    if (!event) return SAR_NOT_EVENTERR;
    *pulEvent = event;
    return give(name, strlen(name) + 1, szDevName, pulDevNameLen);
}

ULONG SKF_CancelWaitForDevEvent(void) {
    if (atomic_load(&waiting) == 0) return SAR_NOT_EVENTERR;
    atomic_fetch_add(&cancelled, 1);
    return SAR_OK;
}
