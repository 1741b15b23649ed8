#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "json.h"

#define PORT 47623
#define WINDOW_SECONDS 120

static char *joined(const char *directory, size_t size, const char *name) {
    char *path = must_have(malloc(size + strlen(name) + 2));
    memcpy(path, directory, size);
    sprintf(path + size, "/%s", name);
    return path;
}

static char *in_home(const char *name) {
    const char *home = getenv("HOME");
    return home ? joined(home, strlen(home), name) : must_have(strdup(name));
}

/* A name without a leading / lies beside the settings. */
static char *beside(const char *settings, const char *name) {
    const char *end = strrchr(settings, '/');
    if (*name == '/' || !end) return must_have(strdup(name));
    return joined(settings, (size_t)(end - settings), name);
}

static bool fault(const char *path, const char *what) {
    fprintf(stderr, "banyan-agent: %s: %s\n", path, what);
    return false;
}

static json_t *object_in(const char *path) {
    json_error_t error;
    json_t *value = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(value)) return value;
    fault(path, value ? "not an object" : error.text);
    json_decref(value);
    return NULL;
}

/* An origin is scheme://host[:port] as browsers write it, without a path. */
static bool is_origin(const json_t *entry) {
    const char *origin = json_text(entry, "origin");
    const char *host = origin ? strstr(origin, "://") : NULL;
    return host && host[3] && !strpbrk(host + 3, "/ *") && json_is_array(json_object_get(entry, "task_keys"));
}

static bool take(struct settings *settings, const json_t *told, const char *path) {
    const json_t *port = json_object_get(told, "port"), *seconds = json_object_get(told, "window_seconds");
    const char *pinentry = json_text(told, "pinentry"), *state = json_text(told, "state");
    const char *profiles = json_text(told, "profiles");
    const json_t *entry;
    size_t i;
    settings->port = port ? (int)json_integer_value(port) : PORT;
    settings->window_seconds = seconds ? (int)json_integer_value(seconds) : WINDOW_SECONDS;
    if (settings->port < 1 || settings->port > 65535) return fault(path, "port");
    if (settings->window_seconds < 1) return fault(path, "window_seconds");
    settings->origins = json_incref(json_object_get(told, "origins"));
    if (!json_is_array(settings->origins)) return fault(path, "origins");
    json_array_foreach(settings->origins, i, entry) if (!is_origin(entry)) return fault(path, "origins");
    settings->pinentry = must_have(strdup(pinentry ? pinentry : "pinentry"));
    settings->state = state ? beside(path, state) : in_home(".local/share/banyan/agent");
    char *file = beside(path, profiles ? profiles : "profiles.json");
    settings->profiles = object_in(file);
    free(file);
    return settings->profiles != NULL;
}

bool settings_read(struct settings *settings, const char *path) {
    char *own = path ? must_have(strdup(path)) : in_home(".config/banyan/agent.json");
    json_t *told = object_in(own);
    *settings = (struct settings){0};
    const bool good = told && take(settings, told, own);
    json_decref(told);
    free(own);
    return good;
}

const json_t *settings_origin(const struct settings *settings, const char *origin) {
    const json_t *entry;
    size_t i;
    json_array_foreach(settings->origins, i, entry) if (!strcmp(json_text(entry, "origin"), origin)) return entry;
    return NULL;
}

void settings_free(struct settings *settings) {
    json_decref(settings->origins);
    json_decref(settings->profiles);
    free(settings->pinentry);
    free(settings->state);
}
