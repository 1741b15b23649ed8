/* What a device remembers, as values; format.c turns it into octets and back. */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protect.h"
#include "sm2.h"

#define SERIAL_ROOM 32
#define LABEL_ROOM 32
#define APPLICATION_ROOM 49
#define CONTAINER_ROOM 65
#define FILE_ROOM 32
#define ID_BYTES 16
#define SALT_BYTES 16
#define MOST_APPLICATIONS 8
#define MOST_CONTAINERS 128
#define MOST_FILES 64
#define LARGEST_CERTIFICATE 16384
#define LARGEST_FILE 65536
#define LARGEST_STATE (1 << 20)
#define FEWEST_ITERATIONS 10000
#define MOST_ITERATIONS 5000000
#define MOST_TRIES 10 /* GM/T 0027 */
#define SHORTEST_PIN 6
#define LONGEST_PIN 16

struct octets {
    uint8_t *data;
    size_t size;
};

struct pin {
    uint8_t tries, left;
    bool is_default, is_older; /* is_older: wrapped as version 0.1 did (older.c) */
    uint32_t epoch; /* counts changes; a log-in under an older PIN is void */
    uint8_t salt[SALT_BYTES];
    uint8_t wrapped[SEAL_KEY + SEAL_ADDS]; /* the application's master key */
};

struct pair {
    bool is_there, is_older;
    uint8_t point[SM2_POINT];
    uint8_t sealed[SM2_SCALAR + SEAL_ADDS]; /* the private half under the master key */
    struct octets certificate;
};

enum use { SIGNING, ENCRYPTION };

struct container {
    char name[CONTAINER_ROOM];
    struct pair pairs[2]; /* by enum use */
};

struct file {
    char name[FILE_ROOM];
    uint32_t read_rights, write_rights;
    struct octets content;
};

struct application {
    char name[APPLICATION_ROOM];
    uint8_t id[ID_BYTES];
    uint32_t create_rights;
    struct pin pins[2]; /* by ADMIN_TYPE, USER_TYPE */
    uint8_t response_key[32];
    bool is_challenged;
    uint8_t challenge[ID_BYTES];
    size_t container_count, file_count;
    struct container *containers[MOST_CONTAINERS];
    struct file *files[MOST_FILES];
};

struct state {
    char serial[SERIAL_ROOM], label[LABEL_ROOM];
    uint8_t id[ID_BYTES]; /* another device of the same serial number is another device */
    uint8_t auth_key[16];
    uint32_t iterations;
    size_t application_count;
    struct application *applications[MOST_APPLICATIONS];
};

void state_free(struct state *state);
void application_free(struct application *application);
void container_free(struct container *container);
void file_free(struct file *file);
bool octets_set(struct octets *octets, const uint8_t *data, size_t size);

struct application *find_application(struct state *state, const char *name);
struct application *find_application_by_id(struct state *state, const uint8_t id[ID_BYTES]);
struct container *find_container(struct application *application, const char *name);
struct file *find_file(struct application *application, const char *name);
bool is_serial(const char *text); /* also safe as a directory's name */

/* The file of a device, sealed under the machine's secret. NULL when there is no memory or the state is too large
 * (*size then LARGEST_STATE or more). */
uint8_t *state_encode(const struct state *state, const uint8_t machine_secret[32], size_t *size);
/* NULL for whatever is not exactly such a file of this device. */
struct state *state_decode(const uint8_t *data, size_t size, const uint8_t machine_secret[32], const char *serial);
/* The inside of the seal alone. */
uint8_t *state_pack(const struct state *state, size_t *size);
struct state *state_parse(const uint8_t *data, size_t size);

#endif
