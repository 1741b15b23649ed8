#include "worker_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "errors.h"
#include "json.h"
#include "worker_process.h"

#define MOST_WORKERS 8
#define TIME_LIMIT_SECONDS 30 /* where a profile names none */

struct worker {
    char name[160]; /* profile and token; empty: free */
    bool is_busy;
    pid_t pid; /* 0: not running */
    int fd;
    double last_used;
};

extern char **environ;

static struct worker workers[MOST_WORKERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;

/* The exit code, -1 when a signal ended it. One that closed its channel is ending by itself: its own code tells why. */
static int reap(struct worker *worker, bool is_to_be_killed) {
    int status = 0;
    if (!worker->pid) return 0;
    close(worker->fd);
    if (is_to_be_killed) kill(worker->pid, SIGKILL);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR) {}
    worker->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool start(struct worker *worker, const char *library) {
    char *const arguments[] = {"banyan-agent", "--worker", (char *)library, NULL};
    posix_spawn_file_actions_t actions;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return false;
    /* Above 3: duplicating a descriptor onto itself would leave it closed at exec. */
    const int theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, 10);
    close(pair[1]);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs, WORKER_CHANNEL);
    const int failed = theirs < 0 || posix_spawn(&worker->pid, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(theirs);
    worker->fd = pair[0];
    if (!failed) return true;
    close(pair[0]);
    worker->pid = 0;
    return false;
}

static bool is_running(struct worker *worker) {
    if (worker->pid && waitpid(worker->pid, NULL, WNOHANG) == worker->pid) {
        close(worker->fd);
        worker->pid = 0;
    }
    return worker->pid != 0;
}

static struct worker *choose(const char *name, bool *is_taken) {
    struct worker *oldest = NULL;
    *is_taken = false;
    for (size_t i = 0; i < MOST_WORKERS; i++) {
        struct worker *one = &workers[i];
        if (!strcmp(one->name, name)) {
            *is_taken = one->is_busy;
            return one;
        }
        if (!one->is_busy && (!oldest || one->last_used < oldest->last_used)) oldest = one;
    }
    if (oldest) {
        reap(oldest, true);
        strcpy(oldest->name, name);
    }
    return oldest;
}

/* NULL when all are busy for too long. */
static struct worker *acquire(const char *name, double seconds) {
    struct timespec until;
    bool is_taken;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds + 1;
    pthread_mutex_lock(&lock);
    struct worker *worker = choose(name, &is_taken);
    while (!worker || is_taken) {
        if (pthread_cond_timedwait(&freed, &lock, &until)) break;
        worker = choose(name, &is_taken);
    }
    if (is_taken) worker = NULL;
    if (worker) worker->is_busy = true;
    pthread_mutex_unlock(&lock);
    return worker;
}

static void release(struct worker *worker) {
    pthread_mutex_lock(&lock);
    worker->is_busy = false;
    worker->last_used = now_ms();
    pthread_cond_broadcast(&freed);
    pthread_mutex_unlock(&lock);
}

static struct outcome failed(uint32_t code) { return (struct outcome){code, -1, 0, json_object()}; }

static struct outcome converse(struct worker *worker, const json_t *asked, double seconds) {
    bool is_late = false;
    json_t *said = NULL;
    if (channel_send(worker->fd, asked)) said = channel_receive(worker->fd, now_ms() + seconds * 1000, &is_late);
    if (!said) {
        const int status = reap(worker, is_late);
        return failed(is_late ? SAR_TIMEOUTERR : status == WORKER_NO_LIBRARY ? AGENT_LIBRARY : AGENT_DIED);
    }
    json_t *result = json_object_get(said, "result");
    struct outcome outcome = {(uint32_t)json_integer_value(json_object_get(said, "code")),
                              (int)json_integer_value(json_object_get(said, "tries_left")),
                              json_real_value(json_object_get(said, "library_ms")),
                              json_is_object(result) ? json_incref(result) : json_object()};
    json_decref(said);
    return outcome;
}

static double limit_of(const json_t *profile) {
    const double seconds = json_number_value(json_object_get(profile, "time_limit_seconds"));
    return seconds > 0 ? seconds : TIME_LIMIT_SECONDS;
}

struct outcome pool_ask(const json_t *profile, const char *profile_name, const char *key, json_t *asked) {
    const char *library = json_text(json_object_get(profile, "library"), "linux");
    const double seconds = limit_of(profile);
    char name[160];
    if (!library || !*library || strlen(profile_name) + strlen(key ? key : "") + 3 > sizeof name)
        return failed(AGENT_PROFILE);
    strcat(strcat(strcpy(name, profile_name), key ? "/" : ""), key ? key : "");
    struct worker *worker = acquire(name, seconds);
    if (!worker) return failed(AGENT_BUSY);
    json_object_set_new(asked, "profile", json_deep_copy(profile)); /* counting references is not for several threads */
    struct outcome outcome = failed(AGENT_DIED);
    if (is_running(worker) || start(worker, library)) {
        json_decref(outcome.result);
        outcome = converse(worker, asked, seconds);
    }
    release(worker);
    return outcome;
}

void pool_end(void) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < MOST_WORKERS; i++) reap(&workers[i], true);
    pthread_mutex_unlock(&lock);
}

void pool_kill(void) {
    for (size_t i = 0; i < MOST_WORKERS; i++)
        if (workers[i].pid) kill(workers[i].pid, SIGKILL);
}
