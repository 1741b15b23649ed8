/* Applications: what holds PINs, containers and files. */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "pin.h"

static void destroy_application(struct object *object) { free(object); }

static ULONG new_handle(struct operation *run, const struct application *application, HAPPLICATION *handle) {
    struct application_handle *made = calloc(1, sizeof *made);
    if (!made) return SAR_MEMORYERR;
    made->object.kind = APPLICATION;
    made->object.destroy = destroy_application;
    memcpy(made->id, application->id, ID_BYTES);
    return handle_new(&made->object, run->held, handle);
}

static ULONG fill(struct operation *run, const char *name, const char *admin_pin, uint8_t admin_tries,
                  const char *user_pin, uint8_t user_tries, uint32_t rights) {
    uint8_t master[SEAL_KEY];
    struct application *one = run->application = calloc(1, sizeof *one);
    if (!one) return SAR_MEMORYERR;
    run->state->applications[run->state->application_count++] = one;
    strcpy(one->name, name);
    one->create_rights = rights;
    one->pins[ADMIN_TYPE].tries = admin_tries;
    one->pins[USER_TYPE].tries = user_tries;
    if (RAND_bytes(one->id, ID_BYTES) != 1 || RAND_priv_bytes(master, SEAL_KEY) != 1) return SAR_GENRANDERR;
    ULONG result = pin_set(run, ADMIN_TYPE, admin_pin, master, true);
    if (result == SAR_OK) result = pin_set(run, USER_TYPE, user_pin, master, true);
    wipe(master, sizeof master);
    return result == SAR_OK ? operation_store(run) : result;
}

ULONG SKF_CreateApplication(DEVHANDLE hDev, LPSTR szAppName, LPSTR szAdminPin, DWORD dwAdminPinRetryCount,
                            LPSTR szUserPin, DWORD dwUserPinRetryCount, DWORD dwCreateFileRights,
                            HAPPLICATION *phApplication) {
    struct operation run;
    if (!szAppName || !szAdminPin || !szUserPin || !phApplication || !dwAdminPinRetryCount || !dwUserPinRetryCount ||
        dwAdminPinRetryCount > MOST_TRIES || dwUserPinRetryCount > MOST_TRIES)
        return SAR_INVALIDPARAMERR;
    if (!szAppName[0]) return SAR_APPLICATION_NAME_INVALID;
    if (!fits(szAppName, APPLICATION_ROOM)) return SAR_NAMELENERR;
    ULONG result = pin_check_new(szAdminPin, NULL);
    if (result == SAR_OK) result = pin_check_new(szUserPin, NULL);
    if (result == SAR_OK) result = device_begin(&run, hDev, true);
    if (result != SAR_OK) return result;
    if (!is_authenticated(&run)) result = SAR_USER_NOT_LOGGED_IN;
    else if (find_application(run.state, szAppName)) result = SAR_APPLICATION_EXISTS;
    else if (run.state->application_count == MOST_APPLICATIONS) result = SAR_NO_ROOM;
    else
        result = fill(&run, szAppName, szAdminPin, (uint8_t)dwAdminPinRetryCount, szUserPin,
                      (uint8_t)dwUserPinRetryCount, dwCreateFileRights);
    if (result == SAR_OK) result = new_handle(&run, run.application, phApplication);
    operation_end(&run);
    return result;
}

ULONG SKF_EnumApplication(DEVHANDLE hDev, LPSTR szAppName, ULONG *pulSize) {
    struct operation run;
    char list[MOST_APPLICATIONS * APPLICATION_ROOM + 2] = "";
    size_t size = 0;
    if (!pulSize) return SAR_INVALIDPARAMERR;
    ULONG result = device_begin(&run, hDev, false);
    if (result != SAR_OK) return result;
    for (size_t i = 0; i < run.state->application_count; i++) {
        strcpy(list + size, run.state->applications[i]->name);
        size += strlen(list + size) + 1;
    }
    operation_end(&run);
    return give(list, size ? size + 1 : 2, szAppName, pulSize);
}

ULONG SKF_OpenApplication(DEVHANDLE hDev, LPSTR szAppName, HAPPLICATION *phApplication) {
    struct operation run;
    if (!szAppName || !phApplication) return SAR_INVALIDPARAMERR;
    ULONG result = device_begin(&run, hDev, false);
    if (result != SAR_OK) return result;
    const struct application *found = find_application(run.state, szAppName);
    result = found ? new_handle(&run, found, phApplication) : SAR_APPLICATION_NOT_EXISTS;
    operation_end(&run);
    return result;
}

/* By the standard this leaves the application's security state alone: SKF_ClearSecureState ends it. */
ULONG SKF_CloseApplication(HAPPLICATION hApplication) { return handle_close(hApplication, APPLICATION); }

ULONG SKF_DeleteApplication(DEVHANDLE hDev, LPSTR szAppName) {
    struct operation run;
    if (!szAppName) return SAR_INVALIDPARAMERR;
    ULONG result = device_begin(&run, hDev, true);
    if (result != SAR_OK) return result;
    struct application *found = find_application(run.state, szAppName);
    if (!is_authenticated(&run)) {
        result = SAR_USER_NOT_LOGGED_IN;
    } else if (!found) {
        result = SAR_APPLICATION_NOT_EXISTS;
    } else {
        size_t kept = 0;
        for (size_t i = 0; i < run.state->application_count; i++)
            if (run.state->applications[i] != found) run.state->applications[kept++] = run.state->applications[i];
        run.state->application_count = kept;
        application_free(found);
        result = operation_store(&run);
    }
    operation_end(&run);
    return result;
}
