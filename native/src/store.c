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
static char root[PATH_MAX - 128], secret_file[PATH_MAX];

static void read_line(const char *line, const char *name, char *value, size_t room) {
    char found[PATH_MAX] = "";
    char pattern[64];
    snprintf(pattern, sizeof pattern, " %s = %%4000[^\n]", name);
    if (sscanf(line, pattern, found) == 1 && strlen(found) < room) strcpy(value, found);
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
    for (size_t end = strlen(root); end > 1 && root[end - 1] == '/'; end--) root[end - 1] = 0;
    if (root[0] && !secret_file[0]) snprintf(secret_file, sizeof secret_file, "%s.secret", root);
}

const char *store_root(void) {
    pthread_once(&settings_read, read_settings);
    return root[0] ? root : NULL;
}

static bool place(char path[PATH_MAX], const char *serial, const char *file) {
    return store_root() && snprintf(path, PATH_MAX, "%s/%s/%s", root, serial, file) < PATH_MAX;
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

static bool read_secret(uint8_t secret[32]) {
    const int descriptor = open(secret_file, O_RDONLY | O_CLOEXEC);
    struct stat found;
    if (descriptor < 0) return false;
    const bool good = fstat(descriptor, &found) == 0 && found.st_size == 32 && read_all(descriptor, secret, 32);
    close(descriptor);
    return good;
}

/* Written whole under a name of its own, then linked: nobody ever reads half a secret. */
static bool make_secret(void) {
    char own[PATH_MAX + 32];
    uint8_t fresh[32];
    snprintf(own, sizeof own, "%s.%ld", secret_file, (long)getpid());
    if (!make_parents(secret_file) || RAND_priv_bytes(fresh, sizeof fresh) != 1) return false;
    const int descriptor = open(own, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) return false;
    bool good = write_all(descriptor, fresh, sizeof fresh) && fsync(descriptor) == 0;
    wipe(fresh, sizeof fresh);
    close(descriptor);
    good = good && (link(own, secret_file) == 0 || errno == EEXIST) && sync_names(secret_file);
    unlink(own);
    return good;
}

/* A new secret would shut out the devices that are there, even when the old one comes back from a backup. */
static bool has_devices(void) {
    size_t size;
    free(store_list(&size));
    return size > 0;
}

ULONG store_machine_secret(uint8_t secret[32], bool make) {
    if (!store_root()) return SAR_NOTINITIALIZEERR;
    if (read_secret(secret)) return SAR_OK;
    if (!make || access(secret_file, F_OK) == 0 || has_devices()) return SAR_NOTINITIALIZEERR;
    if (!make_secret()) return write_fault();
    return read_secret(secret) ? SAR_OK : SAR_NOTINITIALIZEERR;
}

bool store_has(const char *serial) {
    char path[PATH_MAX];
    return is_serial(serial) && place(path, serial, STATE_FILE) && access(path, F_OK) == 0;
}

static int by_name(const void *left, const void *right) { return strcmp(left, right); }

char *store_list(size_t *size) {
    char(*names)[SERIAL_ROOM] = NULL;
    size_t count = 0;
    DIR *directory = store_root() ? opendir(root) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!store_has(entry->d_name)) continue;
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

ULONG store_read(const char *serial, uint8_t **data, size_t *size, int *descriptor) {
    char path[PATH_MAX];
    struct stat found;
    if (!place(path, serial, STATE_FILE)) return SAR_NOTINITIALIZEERR;
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

bool store_is_current(const char *serial, int descriptor) {
    char path[PATH_MAX];
    struct stat stored, held;
    return descriptor >= 0 && place(path, serial, STATE_FILE) && stat(path, &stored) == 0 &&
           fstat(descriptor, &held) == 0 && stored.st_ino == held.st_ino && stored.st_dev == held.st_dev;
}

ULONG store_write(const char *serial, const uint8_t *data, size_t size, int *descriptor) {
    char path[PATH_MAX], fresh[PATH_MAX];
    if (!place(path, serial, STATE_FILE) || !place(fresh, serial, NEW_FILE)) return SAR_NOTINITIALIZEERR;
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

ULONG store_make(const char *serial) {
    char path[PATH_MAX];
    if (!place(path, serial, "")) return SAR_NOTINITIALIZEERR;
    if (!make_parents(path)) return write_fault();
    path[strlen(path) - 1] = 0;
    return sync_names(path) ? SAR_OK : write_fault();
}

ULONG store_remove(const char *serial) {
    char path[PATH_MAX], gone[PATH_MAX];
    /* First the state under another name: a device is there or not, whatever happens in between. */
    if (!place(path, serial, STATE_FILE) || !place(gone, serial, NEW_FILE)) return SAR_NOTINITIALIZEERR;
    if (rename(path, gone) != 0) return errno == ENOENT ? SAR_DEVICE_REMOVED : write_fault();
    if (!sync_names(path) || unlink(gone) != 0) return write_fault();
    if (place(path, serial, LOCK_FILE)) unlink(path);
    if (place(path, serial, "")) rmdir(path);
    return SAR_OK;
}

static uint64_t now_in_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

ULONG store_lock(const char *serial, bool alone, ULONG milliseconds, int *descriptor) {
    char path[PATH_MAX];
    if (!place(path, serial, LOCK_FILE)) return SAR_NOTINITIALIZEERR;
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
