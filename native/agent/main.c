/* banyan-agent: between web pages and USB keys. docs/token-agent.md says what it does. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent.h"
#include "json.h"
#include "server.h"
#include "worker_pool.h"
#include "worker_process.h"

/* PINs pass through here: no core files, and no other program of the user looks in. */
static void close_shutters(void) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef BANYAN_AGENT_TEST /* sanitizers look in */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

static int usage(void) {
    fputs("usage: banyan-agent [--settings FILE] | --version\n", stderr);
    return 2;
}

int main(int count, char **arguments) {
    struct agent agent;
    const char *path = NULL;
    close_shutters();
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    json_wipe_when_freed();
    json_object_seed(0);
    if (count == 3 && !strcmp(arguments[1], "--worker")) return worker_run(arguments[2]);
    if (count == 2 && !strcmp(arguments[1], "--version")) return puts("banyan-agent " AGENT_RELEASE) < 0;
    if (count == 3 && !strcmp(arguments[1], "--settings")) path = arguments[2];
    else if (count != 1) return usage();
    if (!settings_read(&agent.settings, path)) return EXIT_FAILURE;
    int code = EXIT_FAILURE;
    if (identity_load(&agent.identity, agent.settings.state)) code = server_run(&agent);
    pool_end();
    identity_free(&agent.identity);
    settings_free(&agent.settings);
    return code;
}
