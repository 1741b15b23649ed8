#include "worker_process.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "errors.h"
#include "json.h"
#include "operations.h"

static const struct {
    const char *name;
    operation *run;
} OPERATIONS[] = {
    {"list", token_list},
    {"inspect", token_inspect},
    {"prepare", token_prepare},
    {"write", token_write},
    {"read_back", token_read_back},
    {"recover", token_recover},
    {"sign", token_sign_message},
    {"open", token_open_envelope},
    {"change_pin", token_change_pin},
    {"unblock_request", token_unblock_asked},
    {"unblock", token_unblock},
};

/* A vendor's library has no business with sockets of the agent that some code left inheritable. */
static void close_others(void) {
    DIR *listed = opendir("/proc/self/fd");
    for (const struct dirent *one; listed && (one = readdir(listed));) {
        const int fd = atoi(one->d_name);
        if (fd > WORKER_CHANNEL && fd != dirfd(listed)) close(fd);
    }
    if (listed) closedir(listed);
}

static json_t *answer(struct skf *skf, const json_t *asked) {
    json_t *answer = json_object(), *result = json_object();
    const char *name = json_text(asked, "operation");
    ULONG code = AGENT_TYPE_UNKNOWN;
    int tries_left = -1;
    skf->spent_ms = 0;
    for (size_t i = 0; name && i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
        if (!strcmp(OPERATIONS[i].name, name)) code = OPERATIONS[i].run(skf, asked, result, &tries_left);
    json_object_set_new(answer, "code", json_integer(code));
    json_object_set_new(answer, "tries_left", json_integer(tries_left));
    json_object_set_new(answer, "library_ms", json_real(skf->spent_ms));
    json_object_set_new(answer, "result", result);
    return answer;
}

int worker_run(const char *library) {
    struct skf skf = {0};
    bool is_late;
    close_others();
    if (!skf_load(&skf, library)) return WORKER_NO_LIBRARY;
    for (json_t *asked; (asked = channel_receive(WORKER_CHANNEL, 0, &is_late));) {
        json_t *said = answer(&skf, asked);
        json_decref(asked);
        const bool good = channel_send(WORKER_CHANNEL, said);
        json_decref(said);
        if (!good) break;
    }
    return 0;
}
