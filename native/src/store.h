/* Files of devices: one sealed state a device, replaced whole or not at all; a lock between processes; the machine's
 * secret. Settings: BANYAN_SKF_ROOT and BANYAN_SKF_MACHINE_SECRET, or lines "root = ..." and "machine_secret = ..." in
 * ~/.config/banyan/skf.conf; otherwise ~/.local/share/banyan/tokens, the secret beside it as tokens.secret. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/skf.h"

#define NO_TIME_LIMIT 0xFFFFFFFFu

struct place {
    struct place *next;
    char *root, *secret_file;
    char *known; /* the devices here that callers have been told of (events.c) */
    size_t known_size;
};

/* Where the calling thread's devices lie: what BYT_UsePlace named, else the settings; NULL when nothing names one. A place
 * is never freed. */
struct place *store_place(void);
ULONG store_use(const char *root, const char *secret_file); /* NULL: as the settings say */
void store_after_fork(void);
/* Made at random when it is not there and wanted; the first of several makers wins. */
ULONG store_machine_secret(const struct place *place, uint8_t secret[32], bool make);

bool store_has(const struct place *place, const char *serial);
/* Names of the devices, each with its NUL; a malloc'ed list whose size goes to *size. */
char *store_list(const struct place *place, size_t *size);

/* The stored state and an open descriptor of it (which keeps its inode from being used again). */
ULONG store_read(const struct place *place, const char *serial, uint8_t **data, size_t *size, int *descriptor);
/* Whether descriptor is still the stored state of the device. */
bool store_is_current(const struct place *place, const char *serial, int descriptor);
/* After SAR_OK the new state survives kill -9 and power loss; otherwise the previous one is whole. */
ULONG store_write(const struct place *place, const char *serial, const uint8_t *data, size_t size, int *descriptor);
ULONG store_make(const struct place *place, const char *serial);   /* the empty directory of a device */
ULONG store_remove(const struct place *place, const char *serial); /* a device with everything in it */

/* Hold the device with others (shared) or alone; the system lets go of it when the process dies. */
ULONG store_lock(const struct place *place, const char *serial, bool alone, ULONG milliseconds, int *descriptor);
void store_unlock(int descriptor);

#endif
