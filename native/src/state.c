#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

bool octets_set(struct octets *octets, const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) return false;
    if (data) memcpy(copy, data, size);
    else memset(copy, 0, size);
    free(octets->data);
    *octets = (struct octets){copy, size};
    return true;
}

void container_free(struct container *container) {
    if (!container) return;
    free(container->pairs[SIGNING].certificate.data);
    free(container->pairs[ENCRYPTION].certificate.data);
    free(container);
}

void file_free(struct file *file) {
    if (!file) return;
    if (file->content.data) wipe(file->content.data, file->content.size);
    free(file->content.data);
    free(file);
}

void application_free(struct application *application) {
    if (!application) return;
    for (size_t i = 0; i < application->container_count; i++) container_free(application->containers[i]);
    for (size_t i = 0; i < application->file_count; i++) file_free(application->files[i]);
    wipe(application, sizeof *application);
    free(application);
}

void state_free(struct state *state) {
    if (!state) return;
    for (size_t i = 0; i < state->application_count; i++) application_free(state->applications[i]);
    wipe(state, sizeof *state);
    free(state);
}

struct application *find_application(struct state *state, const char *name) {
    for (size_t i = 0; i < state->application_count; i++)
        if (strcmp(state->applications[i]->name, name) == 0) return state->applications[i];
    return NULL;
}

struct application *find_application_by_id(struct state *state, const uint8_t id[ID_BYTES]) {
    for (size_t i = 0; i < state->application_count; i++)
        if (memcmp(state->applications[i]->id, id, ID_BYTES) == 0) return state->applications[i];
    return NULL;
}

struct container *find_container(struct application *application, const char *name) {
    for (size_t i = 0; i < application->container_count; i++)
        if (strcmp(application->containers[i]->name, name) == 0) return application->containers[i];
    return NULL;
}

struct file *find_file(struct application *application, const char *name) {
    for (size_t i = 0; i < application->file_count; i++)
        if (strcmp(application->files[i]->name, name) == 0) return application->files[i];
    return NULL;
}

bool is_serial(const char *text) {
    const size_t size = strnlen(text, SERIAL_ROOM);
    if (size == 0 || size == SERIAL_ROOM || text[0] == '-') return false;
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == size;
}
