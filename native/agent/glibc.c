/* The program on glibc 2.28, as src/glibc.c does it for the library: what a program needs beyond that. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#if defined(__x86_64__)
#define FIRST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define FIRST "GLIBC_2.17"
#else
#error "which is the first glibc of this processor? If it is 2.29 or later, build without OLD_GLIBC"
#endif

#define OLD(name) __asm__(".symver old_" #name "," #name "@" FIRST)
#define WRAP(type, name, parameters, arguments) \
    type old_##name parameters;                 \
    OLD(name);                                  \
    type __wrap_##name parameters;              \
    type __wrap_##name parameters { return old_##name arguments; }

WRAP(int, pthread_create, (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *with),
     (thread, how, run, with))
WRAP(int, pthread_attr_setstacksize, (pthread_attr_t * how, size_t size), (how, size))
WRAP(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const struct timespec *until), (mutex, until))
WRAP(int, pthread_sigmask, (int how, const sigset_t *set, sigset_t *before), (how, set, before))

/* Before 2.34 the program brought the function that runs its constructors; the start files of today no longer do, and
 * an older glibc would run none. A newer one takes what it is given. */
typedef int main_function(int, char **, char **);
typedef void constructor(int, char **, char **);
int old___libc_start_main(main_function *run, int count, char **arguments, constructor *before, void (*after)(void),
                          void (*unload)(void), void *stack_end);
OLD(__libc_start_main);
int __wrap___libc_start_main(main_function *run, int count, char **arguments, constructor *before, void (*after)(void),
                             void (*unload)(void), void *stack_end);

extern constructor *__init_array_start[], *__init_array_end[];

static void run_constructors(int count, char **arguments, char **environment) {
    const size_t constructors = (size_t)(__init_array_end - __init_array_start);
    for (size_t i = 0; i < constructors; i++) __init_array_start[i](count, arguments, environment);
}

int __wrap___libc_start_main(main_function *run, int count, char **arguments, constructor *before, void (*after)(void),
                             void (*unload)(void), void *stack_end) {
    return old___libc_start_main(run, count, arguments, before ? before : run_constructors, after, unload, stack_end);
}
