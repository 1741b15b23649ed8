/* Handles: numbers of a table, never addresses, so that a wrong one is refused and cannot crash. */
#ifndef HANDLES_H
#define HANDLES_H

#include <pthread.h>
#include <stdbool.h>

#include "../include/skf.h"

enum kind { DEVICE = 1, APPLICATION, CONTAINER, SESSION_KEY, DIGEST, MAC };

struct object {
    enum kind kind;
    int references;
    bool is_closed;
    struct object *parent; /* kept alive by this one; when it is closed, this one is void */
    void (*destroy)(struct object *);
    pthread_mutex_t lock; /* for what changes inside */
};

/* Enter an object (calloc'ed by the caller, with kind and destroy set); NULL parent for a device. Takes the object over:
 * when the table is full it is destroyed. */
ULONG handle_new(struct object *object, struct object *parent, HANDLE *handle);
/* The object, with a reference for the caller; NULL for anything that is not a live handle of this kind. */
void *handle_get(HANDLE handle, enum kind kind);
void handle_put(void *object);
ULONG handle_close(HANDLE handle, enum kind kind); /* with everything that stands on it */
enum kind handle_kind(HANDLE handle); /* 0 for no handle */
void handles_forget(void); /* in a forked child: handles belong to the process that got them */
void handles_each(void (*visit)(struct object *));

#endif
