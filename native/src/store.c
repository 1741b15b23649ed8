#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "memory.h"
#include "state.h"

#define STATE_FILE "device.state"
#define NEW_FILE "device.state.new"
#define LOCK_FILE "device.lock"

static pthread_once_t settings_read = PTHREAD_ONCE_INIT;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX - 128], secret_file[PATH_MAX];
static struct place *places, *settled; /* all that were ever named; the settings' own */
static __thread struct place *chosen;

static void read_line(const char *line, const char *name, char *value, size_t room) {
    char found[PATH_MAX] = "";
    char pattern[64];
    snprintf(pattern, sizeof pattern, " %s = %%4000[^\n]", name);
    if (sscanf(line, pattern, found) == 1 && strlen(found) < room) strcpy(value, found);
}

static struct place *add_place(const char *named, const char *secret) {
    struct place *made = calloc(1, sizeof *made);
    if (made) {
        made->root = strdup(named);
        made->secret_file = strdup(secret);
        made->next = places;
    }
    if (made && made->root && made->secret_file) return places = made;
    if (made) free(made->secret_file);
    if (made) free(made->root);
    free(made);
    return NULL;
}

/* The place of this root and secret; the secret is the root's name with ".secret" when none is named. */
static struct place *place_of(const char *named, const char *secret) {
    char own[PATH_MAX], beside[PATH_MAX + 8];
    snprintf(own, sizeof own, "%s", named);
    for (size_t end = strlen(own); end > 1 && own[end - 1] == '/'; end--) own[end - 1] = 0;
    if (!secret[0]) {
        snprintf(beside, sizeof beside, "%s.secret", own);
        secret = beside;
    }
    pthread_mutex_lock(&guard);
    struct place *one = places;
    while (one && (strcmp(one->root, own) != 0 || strcmp(one->secret_file, secret) != 0)) one = one->next;
    if (!one) one = add_place(own, secret);
    pthread_mutex_unlock(&guard);
    return one;
}

static void read_settings(void) {
    const char *home = secure_getenv("HOME"), *named = secure_getenv("BANYAN_SKF_ROOT");
    const char *secret = secure_getenv("BANYAN_SKF_MACHINE_SECRET");
    char path[PATH_MAX], line[PATH_MAX + 64];
    if (home) {
        snprintf(root, sizeof root, "%s/.local/share/banyan/tokens", home);
        snprintf(path, sizeof path, "%s/.config/banyan/skf.conf", home);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file)) {
            read_line(line, "root", root, sizeof root);
            read_line(line, "machine_secret", secret_file, sizeof secret_file);
        }
        if (file) fclose(file);
    }
    if (named && strlen(named) < sizeof root) strcpy(root, named);
    if (secret && strlen(secret) < sizeof secret_file) strcpy(secret_file, secret);
    if (root[0]) settled = place_of(root, secret_file);
}

struct place *store_place(void) {
    if (chosen) return chosen;
    pthread_once(&settings_read, read_settings);
    return settled;
}

ULONG store_use(const char *named, const char *secret) {
    if (named && (named[0] != '/' || strlen(named) >= sizeof root || (secret && strlen(secret) >= sizeof secret_file)))
        return SAR_NAMELENERR;
    struct place *found = named ? place_of(named, secret ? secret : "") : NULL;
    if (named && !found) return SAR_MEMORYERR;
    chosen = found;
    return SAR_OK;
}

/* Another thread of the parent may have held it. */
void store_after_fork(void) { pthread_mutex_init(&guard, NULL); }

static bool path_of(char path[PATH_MAX], const struct place *place, const char *serial, const char *file) {
    return place && snprintf(path, PATH_MAX, "%s/%s/%s", place->root, serial, file) < PATH_MAX;
}

static ULONG write_fault(void) { return errno == ENOSPC || errno == EDQUOT ? SAR_NO_ROOM : SAR_WRITEFILEERR; }

static bool write_all(int descriptor, const uint8_t *data, size_t size) {
    while (size) {
        const ssize_t written = write(descriptor, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static bool read_all(int descriptor, uint8_t *data, size_t size) {
    while (size) {
        const ssize_t got = read(descriptor, data, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        data += got;
        size -= (size_t)got;
    }
    return true;
}

/* Make the names in the directory of path durable. */
static bool sync_names(const char *path) {
    char directory[PATH_MAX];
    const char *end = strrchr(path, '/');
    if (!end || end == path) return true;
    snprintf(directory, sizeof directory, "%.*s", (int)(end - path), path);
    const int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const bool good = fsync(descriptor) == 0;
    close(descriptor);
    return good;
}

static bool make_parents(const char *path) {
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part) return false;
    for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        if (mkdir(part, 0700) != 0 && errno != EEXIST) return false;
    }
    return true;
}

static bool read_secret(const struct place *place, uint8_t secret[32]) {
    const int descriptor = open(place->secret_file, O_RDONLY | O_CLOEXEC);
    struct stat found;
    if (descriptor < 0) return false;
    const bool good = fstat(descriptor, &found) == 0 && found.st_size == 32 && read_all(descriptor, secret, 32);
    close(descriptor);
    return good;
}

/* Written whole under a name of its own, then linked: nobody ever reads half a secret. */
static bool make_secret(const char *file) {
    char own[PATH_MAX + 32];
    uint8_t fresh[32];
    snprintf(own, sizeof own, "%s.%ld", file, (long)getpid());
    if (!make_parents(file) || RAND_priv_bytes(fresh, sizeof fresh) != 1) return false;
    const int descriptor = open(own, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return false;
    bool good = write_all(descriptor, fresh, sizeof fresh) && fsync(descriptor) == 0;
    wipe(fresh, sizeof fresh);
    close(descriptor);
    good = good && (link(own, file) == 0 || errno == EEXIST) && sync_names(file);
    unlink(own);
    return good;
}

/* A new secret would shut out the devices that are there, even when the old one comes back from a backup. */
static bool has_devices(const struct place *place) {
    size_t size;
    free(store_list(place, &size));
    return size > 0;
}

ULONG store_machine_secret(const struct place *place, uint8_t secret[32], bool make) {
    if (!place) return SAR_NOTINITIALIZEERR;
    if (read_secret(place, secret)) return SAR_OK;
    if (!make || access(place->secret_file, F_OK) == 0 || has_devices(place)) return SAR_NOTINITIALIZEERR;
    if (!make_secret(place->secret_file)) return write_fault();
    return read_secret(place, secret) ? SAR_OK : SAR_NOTINITIALIZEERR;
}

bool store_has(const struct place *place, const char *serial) {
    char path[PATH_MAX];
    return is_serial(serial) && path_of(path, place, serial, STATE_FILE) && access(path, F_OK) == 0;
}

static int by_name(const void *left, const void *right) { return strcmp(left, right); }

char *store_list(const struct place *place, size_t *size) {
    char(*names)[SERIAL_ROOM] = NULL;
    size_t count = 0;
    DIR *directory = place ? opendir(place->root) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!store_has(place, entry->d_name)) continue;
        void *larger = realloc(names, (count + 1) * sizeof *names);
        if (!larger) break;
        names = larger;
        strcpy(names[count++], entry->d_name);
    }
    if (directory) closedir(directory);
    if (count) qsort(names, count, sizeof *names, by_name);
    char *list = malloc(count * SERIAL_ROOM + 1);
    *size = 0;
    for (size_t i = 0; list && i < count; i++) {
        strcpy(list + *size, names[i]);
        *size += strlen(names[i]) + 1;
    }
    free(names);
    return list;
}

ULONG store_read(const struct place *place, const char *serial, uint8_t **data, size_t *size, int *descriptor) {
    char path[PATH_MAX];
    struct stat found;
    if (!path_of(path, place, serial, STATE_FILE)) return SAR_NOTINITIALIZEERR;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return errno == ENOENT || errno == ENOTDIR ? SAR_DEVICE_REMOVED : SAR_READFILEERR;
    *data = NULL;
    if (fstat(file, &found) == 0 && found.st_size > 0 && found.st_size <= LARGEST_STATE) {
        *size = (size_t)found.st_size;
        *data = malloc(*size);
    }
    if (*data && read_all(file, *data, *size)) {
        *descriptor = file;
        return SAR_OK;
    }
    free(*data);
    close(file);
    return SAR_READFILEERR;
}

bool store_is_current(const struct place *place, const char *serial, int descriptor) {
    char path[PATH_MAX];
    struct stat stored, held;
    return descriptor >= 0 && path_of(path, place, serial, STATE_FILE) && stat(path, &stored) == 0 &&
           fstat(descriptor, &held) == 0 && stored.st_ino == held.st_ino && stored.st_dev == held.st_dev;
}

ULONG store_write(const struct place *place, const char *serial, const uint8_t *data, size_t size, int *descriptor) {
    char path[PATH_MAX], fresh[PATH_MAX];
    if (!path_of(path, place, serial, STATE_FILE) || !path_of(fresh, place, serial, NEW_FILE)) return SAR_NOTINITIALIZEERR;
    const int file = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return errno == ENOENT ? SAR_DEVICE_REMOVED : write_fault();
    if (write_all(file, data, size) && fsync(file) == 0 && rename(fresh, path) == 0 && sync_names(path)) {
        *descriptor = file;
        return SAR_OK;
    }
    const ULONG fault = write_fault();
    unlink(fresh);
    close(file);
    return fault;
}

ULONG store_make(const struct place *place, const char *serial) {
    char path[PATH_MAX];
    if (!path_of(path, place, serial, "")) return SAR_NOTINITIALIZEERR;
    if (!make_parents(path)) return write_fault();
    path[strlen(path) - 1] = 0;
    return sync_names(path) ? SAR_OK : write_fault();
}

ULONG store_remove(const struct place *place, const char *serial) {
    char path[PATH_MAX], gone[PATH_MAX];
    /* First the state under another name: a device is there or not, whatever happens in between. */
    if (!path_of(path, place, serial, STATE_FILE) || !path_of(gone, place, serial, NEW_FILE)) return SAR_NOTINITIALIZEERR;
    if (rename(path, gone) != 0) return errno == ENOENT ? SAR_DEVICE_REMOVED : write_fault();
    if (!sync_names(path) || unlink(gone) != 0) return write_fault();
    if (path_of(path, place, serial, LOCK_FILE)) unlink(path);
    if (path_of(path, place, serial, "")) rmdir(path);
    return SAR_OK;
}

static uint64_t now_in_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

ULONG store_lock(const struct place *place, const char *serial, bool alone, ULONG milliseconds, int *descriptor) {
    char path[PATH_MAX];
    if (!path_of(path, place, serial, LOCK_FILE)) return SAR_NOTINITIALIZEERR;
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return errno == ENOENT || errno == ENOTDIR ? SAR_DEVICE_REMOVED : write_fault();
    const uint64_t start = now_in_milliseconds();
    for (long pause = 200000; flock(file, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0;) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            close(file);
            return SAR_FILEERR;
        }
        if (milliseconds != NO_TIME_LIMIT && now_in_milliseconds() - start >= milliseconds) {
            close(file);
            return SAR_TIMEOUTERR;
        }
        nanosleep(&(struct timespec){0, pause}, NULL);
        if (pause < 4000000) pause *= 2;
    }
    *descriptor = file;
    return SAR_OK;
}

void store_unlock(int descriptor) {
    if (descriptor < 0) return;
    flock(descriptor, LOCK_UN); /* a forked child may hold the same descriptor: closing alone would not do */
    close(descriptor);
}
