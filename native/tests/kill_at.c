/* For LD_PRELOAD: ends the process, as by kill -9, at its KILL_AT-th step towards the disk; a write at that step is done by
 * half. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int passed;

static int is_last(void) {
    const char *at = getenv("KILL_AT");
    return at && ++passed == atoi(at);
}

static void die(void) { kill(getpid(), SIGKILL); }

ssize_t write(int descriptor, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (descriptor > 2 && is_last()) {
        real(descriptor, data, size / 2);
        die();
    }
    return real(descriptor, data, size);
}

int fsync(int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (is_last()) die();
    return real(descriptor);
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    if (is_last()) die();
    const int result = real(from, to);
    if (is_last()) die();
    return result;
}
