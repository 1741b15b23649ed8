/* File: "BANYANSK" | version (1) | length of serial (1) | serial | iv | ciphertext | mac. Everything in front of the iv
 * is the context of the seal. Inside, integers are big-endian; every length is checked against what is left. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "state.h"

#define MAGIC "BANYANSK\x01"
#define MAGIC_BYTES 9

struct writer {
    uint8_t *data;
    size_t used, room;
};

static void put(struct writer *to, const void *data, size_t size) {
    if (size && to->data && to->used + size <= to->room) memcpy(to->data + to->used, data, size);
    to->used += size; /* counts on without room: the first pass only measures */
}

static void put_number(struct writer *to, uint32_t value, size_t size) {
    for (size_t i = size; i-- > 0;) put(to, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

static void put_text(struct writer *to, const char *text) {
    put_number(to, (uint32_t)strlen(text), 1);
    put(to, text, strlen(text));
}

static void put_octets(struct writer *to, const struct octets *octets) {
    put_number(to, (uint32_t)octets->size, 4);
    put(to, octets->data, octets->size);
}

static void put_pin(struct writer *to, const struct pin *pin) {
    put(to, (uint8_t[]){pin->tries, pin->left, pin->is_default | pin->is_older << 1}, 3);
    put_number(to, pin->epoch, 4);
    put(to, pin->salt, sizeof pin->salt);
    put(to, pin->wrapped, sizeof pin->wrapped);
}

static void put_pair(struct writer *to, const struct pair *pair) {
    put_number(to, pair->is_there + pair->is_older, 1);
    if (!pair->is_there) return;
    put(to, pair->point, sizeof pair->point);
    put(to, pair->sealed, sizeof pair->sealed);
    put_octets(to, &pair->certificate);
}

static void put_application(struct writer *to, const struct application *one) {
    put_text(to, one->name);
    put(to, one->id, sizeof one->id);
    put_number(to, one->create_rights, 4);
    put_pin(to, &one->pins[0]);
    put_pin(to, &one->pins[1]);
    put(to, one->response_key, sizeof one->response_key);
    put_number(to, one->is_challenged, 1);
    put(to, one->challenge, sizeof one->challenge);
    put_number(to, (uint32_t)one->container_count, 1);
    for (size_t i = 0; i < one->container_count; i++) {
        put_text(to, one->containers[i]->name);
        put_pair(to, &one->containers[i]->pairs[SIGNING]);
        put_pair(to, &one->containers[i]->pairs[ENCRYPTION]);
    }
    put_number(to, (uint32_t)one->file_count, 1);
    for (size_t i = 0; i < one->file_count; i++) {
        put_text(to, one->files[i]->name);
        put_number(to, one->files[i]->read_rights, 4);
        put_number(to, one->files[i]->write_rights, 4);
        put_octets(to, &one->files[i]->content);
    }
}

static void put_state(struct writer *to, const struct state *state) {
    put_text(to, state->serial);
    put_text(to, state->label);
    put(to, state->id, sizeof state->id);
    put(to, state->auth_key, sizeof state->auth_key);
    put_number(to, state->iterations, 4);
    put_number(to, (uint32_t)state->application_count, 1);
    for (size_t i = 0; i < state->application_count; i++) put_application(to, state->applications[i]);
}

struct reader {
    const uint8_t *data;
    size_t left;
    bool failed;
};

static const uint8_t *take(struct reader *from, size_t size) {
    if (from->failed || size > from->left) {
        from->failed = true;
        return NULL;
    }
    const uint8_t *taken = from->data;
    from->data += size;
    from->left -= size;
    return taken;
}

static void take_into(struct reader *from, void *to, size_t size) {
    const uint8_t *taken = take(from, size);
    if (taken) memcpy(to, taken, size);
}

/* A value above most is a fault. */
static uint32_t take_number(struct reader *from, size_t size, uint32_t most) {
    const uint8_t *taken = take(from, size);
    uint32_t value = 0;
    for (size_t i = 0; taken && i < size; i++) value = value << 8 | taken[i];
    if (value > most) from->failed = true;
    return from->failed ? 0 : value;
}

static void take_text(struct reader *from, char *to, size_t room) {
    const size_t size = take_number(from, 1, (uint32_t)room - 1);
    const uint8_t *taken = take(from, size);
    if (taken && memchr(taken, 0, size)) from->failed = true;
    if (from->failed) return;
    memcpy(to, taken, size);
    to[size] = 0;
}

static void take_octets(struct reader *from, struct octets *to, uint32_t most) {
    const size_t size = take_number(from, 4, most);
    const uint8_t *taken = take(from, size);
    if (taken && !octets_set(to, taken, size)) from->failed = true;
}

static void take_pin(struct reader *from, struct pin *pin) {
    pin->tries = (uint8_t)take_number(from, 1, MOST_TRIES);
    pin->left = (uint8_t)take_number(from, 1, pin->tries);
    const uint32_t flags = take_number(from, 1, 3);
    pin->is_default = flags & 1;
    pin->is_older = flags >> 1;
    pin->epoch = take_number(from, 4, UINT32_MAX);
    take_into(from, pin->salt, sizeof pin->salt);
    take_into(from, pin->wrapped, sizeof pin->wrapped);
}

static void take_pair(struct reader *from, struct pair *pair) {
    const uint32_t form = take_number(from, 1, 2);
    pair->is_there = form > 0;
    pair->is_older = form == 2;
    if (!pair->is_there) return;
    take_into(from, pair->point, sizeof pair->point);
    take_into(from, pair->sealed, sizeof pair->sealed);
    take_octets(from, &pair->certificate, LARGEST_CERTIFICATE);
}

static void take_application(struct reader *from, struct application *one) {
    take_text(from, one->name, sizeof one->name);
    take_into(from, one->id, sizeof one->id);
    one->create_rights = take_number(from, 4, UINT32_MAX);
    take_pin(from, &one->pins[0]);
    take_pin(from, &one->pins[1]);
    take_into(from, one->response_key, sizeof one->response_key);
    one->is_challenged = take_number(from, 1, 1);
    take_into(from, one->challenge, sizeof one->challenge);
    const size_t containers = take_number(from, 1, MOST_CONTAINERS);
    while (!from->failed && one->container_count < containers) {
        struct container *next = calloc(1, sizeof *next);
        if (!next) {
            from->failed = true;
            return;
        }
        one->containers[one->container_count++] = next;
        take_text(from, next->name, sizeof next->name);
        take_pair(from, &next->pairs[SIGNING]);
        take_pair(from, &next->pairs[ENCRYPTION]);
    }
    const size_t files = take_number(from, 1, MOST_FILES);
    while (!from->failed && one->file_count < files) {
        struct file *next = calloc(1, sizeof *next);
        if (!next) {
            from->failed = true;
            return;
        }
        one->files[one->file_count++] = next;
        take_text(from, next->name, sizeof next->name);
        next->read_rights = take_number(from, 4, UINT32_MAX);
        next->write_rights = take_number(from, 4, UINT32_MAX);
        take_octets(from, &next->content, LARGEST_FILE);
    }
}

struct state *state_parse(const uint8_t *data, size_t size) {
    struct reader from = {data, size, false};
    struct state *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    take_text(&from, state->serial, sizeof state->serial);
    take_text(&from, state->label, sizeof state->label);
    take_into(&from, state->id, sizeof state->id);
    take_into(&from, state->auth_key, sizeof state->auth_key);
    state->iterations = take_number(&from, 4, MOST_ITERATIONS);
    const size_t applications = take_number(&from, 1, MOST_APPLICATIONS);
    while (!from.failed && state->application_count < applications) {
        struct application *next = calloc(1, sizeof *next);
        if (!next) {
            from.failed = true;
            break;
        }
        state->applications[state->application_count++] = next;
        take_application(&from, next);
    }
    if (from.failed || from.left || state->iterations == 0 || !is_serial(state->serial)) {
        state_free(state);
        return NULL;
    }
    return state;
}

/* Whoever has the directory without the machine's secret learns nothing and has nothing to try PINs against. */
static bool device_key(const uint8_t machine_secret[32], const char *serial, uint8_t key[SEAL_KEY]) {
    const struct part parts[] = {{"banyan-skf state ", 17}, {serial, strlen(serial)}};
    return hmac_sm3(machine_secret, 32, parts, 2, key);
}

uint8_t *state_pack(const struct state *state, size_t *size) {
    struct writer to = {NULL, 0, 0};
    put_state(&to, state);
    *size = to.room = to.used;
    to.used = 0;
    to.data = malloc(to.room);
    if (to.data) put_state(&to, state);
    return to.data;
}

uint8_t *state_encode(const struct state *state, const uint8_t machine_secret[32], size_t *size) {
    size_t inside;
    uint8_t *plain = state_pack(state, &inside), *made = NULL, key[SEAL_KEY];
    const size_t serial = strlen(state->serial), head = MAGIC_BYTES + 1 + serial;
    *size = head + inside + SEAL_ADDS;
    if (plain && *size <= LARGEST_STATE && (made = malloc(*size))) {
        memcpy(made, MAGIC, MAGIC_BYTES);
        made[MAGIC_BYTES] = (uint8_t)serial;
        memcpy(made + MAGIC_BYTES + 1, state->serial, serial);
        if (!device_key(machine_secret, state->serial, key) ||
            !seal(key, (struct part){made, head}, plain, inside, made + head)) {
            free(made);
            made = NULL;
        }
        wipe(key, sizeof key);
    }
    if (plain) wipe(plain, inside);
    free(plain);
    return made;
}

struct state *state_decode(const uint8_t *data, size_t size, const uint8_t machine_secret[32], const char *serial) {
    const size_t length = strlen(serial), head = MAGIC_BYTES + 1 + length;
    uint8_t key[SEAL_KEY];
    if (size < head + SEAL_ADDS || size > LARGEST_STATE || memcmp(data, MAGIC, MAGIC_BYTES) != 0 ||
        data[MAGIC_BYTES] != length || memcmp(data + MAGIC_BYTES + 1, serial, length) != 0)
        return NULL;
    const size_t inside = size - head - SEAL_ADDS;
    uint8_t *opened = malloc(inside ? inside : 1);
    struct state *state = NULL;
    if (opened && device_key(machine_secret, serial, key) &&
        unseal(key, (struct part){data, head}, data + head, size - head, opened))
        state = state_parse(opened, inside);
    wipe(key, sizeof key);
    if (opened) wipe(opened, inside);
    free(opened);
    if (state && strcmp(state->serial, serial) != 0) {
        state_free(state);
        return NULL;
    }
    return state;
}
