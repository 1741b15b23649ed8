#include "handles.h"

#include <stdint.h>
#include <stdlib.h>

#define MOST 4096 /* a power of two */

static struct {
    struct object *object;
    uint32_t generation; /* tells a handle from an earlier one in the same place */
} table[MOST];
static uint32_t next, last_generation = 1;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void release(struct object *object) { /* guard held */
    while (object && --object->references == 0) {
        struct object *parent = object->parent;
        pthread_mutex_destroy(&object->lock);
        object->destroy(object);
        object = parent;
    }
}

static int slot_of(HANDLE handle) { /* guard held */
    const uintptr_t number = (uintptr_t)handle;
    const uintptr_t slot = number & (MOST - 1);
    return table[slot].object && table[slot].generation == number / MOST ? (int)slot : -1;
}

ULONG handle_new(struct object *object, struct object *parent, HANDLE *handle) {
    ULONG result = SAR_MEMORYERR;
    pthread_mutex_init(&object->lock, NULL);
    object->references = 1;
    object->parent = parent;
    pthread_mutex_lock(&guard);
    if (parent) parent->references++;
    for (uint32_t tried = 0; tried < MOST; tried++, next++) {
        const uint32_t slot = next & (MOST - 1);
        if (table[slot].object) continue;
        last_generation = (last_generation + 1) & 0x7FFFF; /* fits where addresses have 32 bits */
        if (last_generation == 0) last_generation = 1;
        table[slot].object = object;
        table[slot].generation = last_generation;
        *handle = (HANDLE)((uintptr_t)last_generation * MOST + slot);
        next++;
        result = SAR_OK;
        break;
    }
    if (result != SAR_OK) release(object);
    pthread_mutex_unlock(&guard);
    return result;
}

void *handle_get(HANDLE handle, enum kind kind) {
    struct object *found = NULL;
    pthread_mutex_lock(&guard);
    const int slot = slot_of(handle);
    if (slot >= 0 && table[slot].object->kind == kind) {
        found = table[slot].object;
        for (struct object *above = found; above; above = above->parent)
            if (above->is_closed) {
                found = NULL;
                break;
            }
        if (found) found->references++;
    }
    pthread_mutex_unlock(&guard);
    return found;
}

void handle_put(void *object) {
    pthread_mutex_lock(&guard);
    release(object);
    pthread_mutex_unlock(&guard);
}

static bool stands_on(const struct object *object, const struct object *below) {
    while (object && object != below) object = object->parent;
    return object != NULL;
}

ULONG handle_close(HANDLE handle, enum kind kind) {
    ULONG result = SAR_INVALIDHANDLEERR;
    pthread_mutex_lock(&guard);
    const int slot = slot_of(handle);
    if (slot >= 0 && table[slot].object->kind == kind) {
        struct object *closed = table[slot].object;
        closed->references++;
        /* What stands on it goes with it, so that a caller who forgets the rest does not fill the table. */
        for (int i = 0; kind <= CONTAINER ? i < MOST : i == 0; i++) {
            struct object **at = &table[kind <= CONTAINER ? i : slot].object;
            if (!*at || !stands_on(*at, closed)) continue;
            struct object *gone = *at;
            *at = NULL;
            gone->is_closed = true;
            release(gone);
        }
        release(closed);
        result = SAR_OK;
    }
    pthread_mutex_unlock(&guard);
    return result;
}

enum kind handle_kind(HANDLE handle) {
    pthread_mutex_lock(&guard);
    const int slot = slot_of(handle);
    const enum kind kind = slot >= 0 ? table[slot].object->kind : 0;
    pthread_mutex_unlock(&guard);
    return kind;
}

void handles_each(void (*visit)(struct object *)) {
    for (int slot = 0; slot < MOST; slot++)
        if (table[slot].object) visit(table[slot].object);
}

void handles_forget(void) {
    pthread_mutex_init(&guard, NULL);
    for (int slot = 0; slot < MOST; slot++) table[slot].object = NULL;
}
