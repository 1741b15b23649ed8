#include "jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "request_text.h"

#define MOST_JOBS 16
#define MOST_OF_AN_ORIGIN 6 /* its windows stay open as long as it likes */
#define STACK (256 * 1024)
#define ENDING_SECONDS 3 /* less than a system gives a service to end */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static struct job *running, *finished;
static unsigned count;
static bool is_ending; /* there is no server to wake */
static void (*wake_server)(void);

struct job *job_new(const struct agent *agent, uint64_t connection, const char *origin, json_t *message) {
    struct job *job = must_have(calloc(1, sizeof *job));
    job->agent = agent;
    job->connection = connection;
    strncpy(job->origin, origin, sizeof job->origin - 1);
    job->message = json_incref(message);
    job->result = json_object();
    job->tries_left = -1;
    job->who = request_who(job);
    job->window =
        (struct window){agent->settings.pinentry, agent->settings.window_seconds, &job->is_over, job->who, 0};
    return job;
}

void job_free(struct job *job) {
    json_decref(job->message);
    json_decref(job->task);
    json_decref(job->result);
    free(job->who);
    free(job);
}

void jobs_init(void (*wake)(void)) { wake_server = wake; }

static void end_running(struct job *job, bool has_run) {
    pthread_mutex_lock(&lock);
    for (struct job **at = &running; *at; at = &(*at)->next)
        if (*at == job) {
            *at = job->next;
            break;
        }
    if (has_run) {
        job->next = finished;
        finished = job;
    }
    /* From here on, at the program's end, nothing waits for this thread: it must not touch the job again. */
    if (!is_ending && has_run) wake_server();
    count--;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}

static void *work(void *with) {
    struct job *job = with;
    job->code = job->run(job);
    end_running(job, true);
    return NULL;
}

/* Under the lock. */
static unsigned count_of(const char *origin) {
    unsigned found = 0;
    for (const struct job *job = running; job; job = job->next) found += !strcmp(job->origin, origin);
    return found;
}

bool jobs_start(struct job *job) {
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    pthread_mutex_lock(&lock);
    const bool has_room = count < MOST_JOBS && count_of(job->origin) < MOST_OF_AN_ORIGIN;
    if (has_room) {
        count++;
        job->next = running;
        running = job;
    }
    pthread_mutex_unlock(&lock);
    if (!has_room) return false;
    /* Signals are for the serving thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    const bool is_started = pthread_create(&thread, &attributes, work, job) == 0;
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!is_started) end_running(job, false);
    return is_started;
}

struct job *jobs_finished(void) {
    pthread_mutex_lock(&lock);
    struct job *job = finished;
    if (job) finished = job->next;
    pthread_mutex_unlock(&lock);
    return job;
}

void jobs_abandon(uint64_t connection) {
    pthread_mutex_lock(&lock);
    for (struct job *job = running; job; job = job->next)
        if (job->connection == connection) atomic_store(&job->is_over, true);
    pthread_mutex_unlock(&lock);
}

bool jobs_end(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ENDING_SECONDS;
    pthread_mutex_lock(&lock);
    is_ending = true;
    for (struct job *job = running; job; job = job->next) atomic_store(&job->is_over, true);
    while (count && pthread_cond_timedwait(&ended, &lock, &until) == 0) {}
    const bool is_done = count == 0;
    pthread_mutex_unlock(&lock);
    for (struct job *job; is_done && (job = jobs_finished());) job_free(job);
    return is_done;
}

unsigned jobs_of(uint64_t connection) {
    unsigned found = 0;
    pthread_mutex_lock(&lock);
    for (struct job *job = running; job; job = job->next) found += job->connection == connection;
    pthread_mutex_unlock(&lock);
    return found;
}
