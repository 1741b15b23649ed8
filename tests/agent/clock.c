/* A machine whose clock is wrong by CLOCK_OFFSET seconds; loaded before the C library. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void) {
    const char *told = getenv("CLOCK_OFFSET");
    return told ? atol(told) : 0;
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
