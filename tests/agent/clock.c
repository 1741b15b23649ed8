/* A machine whose clock is wrong by as many seconds as the file CLOCK_OFFSET says at the moment; loaded before the C library. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void) {
    const char *path = getenv("CLOCK_OFFSET");
    FILE *file = path ? fopen(path, "re") : NULL;
    long told = 0;
    if (file && fscanf(file, "%ld", &told) != 1) told = 0;
    if (file) fclose(file);
    return told;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    const int failed = (int)syscall(SYS_clock_gettime, which, now);
    if (!failed && which == CLOCK_REALTIME) now->tv_sec += offset();
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
