/* Runs on glibc 2.28, wherever it was built.
 *
 * glibc 2.33 and 2.34 gave old functions new symbol versions (stat; threads and dlopen moved into libc.so), and a linker
 * binds to the newest. Here each is bound to its first version, which every later glibc still has; the linker's --wrap
 * leads all callers, libcrypto's too, to these. Systems whose first glibc was later than 2.28 (LoongArch) need none of it,
 * nor does musl. scripts/check_native.py reads the built file. */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define FIRST "GLIBC_2.2.5"
#define STAT_VERSION 1
#elif defined(__aarch64__)
#define FIRST "GLIBC_2.17"
#define STAT_VERSION 0
#else
#error "which is the first glibc of this processor? If it is 2.29 or later, build without OLD_GLIBC"
#endif

#define OLD(name) __asm__(".symver old_" #name "," #name "@" FIRST)
#define WRAP(type, name, parameters, arguments) \
    type old_##name parameters;                 \
    OLD(name);                                  \
    type __wrap_##name parameters;              \
    type __wrap_##name parameters { return old_##name arguments; }
#define WRAP_VOID_POINTER(name, parameters, arguments) WRAP(void *, name, parameters, arguments)

WRAP(int, pthread_once, (pthread_once_t * once, void (*run)(void)), (once, run))
WRAP(int, pthread_key_create, (pthread_key_t * key, void (*end)(void *)), (key, end))
WRAP(int, pthread_key_delete, (pthread_key_t key), (key))
WRAP(int, pthread_setspecific, (pthread_key_t key, const void *value), (key, value))
WRAP_VOID_POINTER(pthread_getspecific, (pthread_key_t key), (key))
WRAP(int, pthread_rwlock_init, (pthread_rwlock_t * lock, const pthread_rwlockattr_t *attributes), (lock, attributes))
WRAP(int, pthread_rwlock_destroy, (pthread_rwlock_t * lock), (lock))
WRAP(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
WRAP(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
WRAP(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
WRAP_VOID_POINTER(dlopen, (const char *name, int flags), (name, flags))
WRAP_VOID_POINTER(dlsym, (void *restrict handle, const char *restrict name), (handle, name))
WRAP(int, dlclose, (void *handle), (handle))
WRAP(char *, dlerror, (void), ())
WRAP(int, dladdr, (const void *address, Dl_info *found), (address, found))

/* Before 2.33 stat and fstat were inline calls of these. */
int old_xstat(int version, const char *path, struct stat *found);
int old_fxstat(int version, int descriptor, struct stat *found);
__asm__(".symver old_xstat,__xstat@" FIRST);
__asm__(".symver old_fxstat,__fxstat@" FIRST);
int __wrap_stat(const char *path, struct stat *found);
int __wrap_fstat(int descriptor, struct stat *found);
int __wrap_stat(const char *path, struct stat *found) { return old_xstat(STAT_VERSION, path, found); }
int __wrap_fstat(int descriptor, struct stat *found) { return old_fxstat(STAT_VERSION, descriptor, found); }
