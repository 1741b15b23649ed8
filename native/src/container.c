/* Containers: a signing pair, an encryption pair and their certificates. */
#include <stdlib.h>
#include <string.h>

#include "device.h"

static void destroy_container(struct object *object) { free(object); }

static ULONG new_handle(struct operation *run, const char *name, HCONTAINER *handle) {
    struct container_handle *made = calloc(1, sizeof *made);
    if (!made) return SAR_MEMORYERR;
    made->object.kind = CONTAINER;
    made->object.destroy = destroy_container;
    strcpy(made->name, name);
    return handle_new(&made->object, run->held, handle);
}

static ULONG add(struct operation *run, const char *name) {
    struct application *in = run->application;
    if (find_container(in, name)) return SAR_OBJERR;
    if (in->container_count == MOST_CONTAINERS) return SAR_REACH_MAX_CONTAINER_COUNT;
    struct container *made = calloc(1, sizeof *made);
    if (!made) return SAR_MEMORYERR;
    strcpy(made->name, name);
    in->containers[in->container_count++] = made;
    return operation_store(run);
}

ULONG SKF_CreateContainer(HAPPLICATION hApplication, LPSTR szContainerName, HCONTAINER *phContainer) {
    struct operation run;
    if (!szContainerName || !phContainer || !szContainerName[0]) return SAR_INVALIDPARAMERR;
    if (!fits(szContainerName, CONTAINER_ROOM)) return SAR_NAMELENERR;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    result = login_find(&run, USER_TYPE) ? add(&run, szContainerName) : SAR_USER_NOT_LOGGED_IN;
    if (result == SAR_OK) result = new_handle(&run, szContainerName, phContainer);
    operation_end(&run);
    return result;
}

ULONG SKF_DeleteContainer(HAPPLICATION hApplication, LPSTR szContainerName) {
    struct operation run;
    if (!szContainerName) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    struct application *in = run.application;
    struct container *found = find_container(in, szContainerName);
    if (!login_find(&run, USER_TYPE)) {
        result = SAR_USER_NOT_LOGGED_IN;
    } else if (!found) {
        result = SAR_OBJERR;
    } else {
        size_t kept = 0;
        for (size_t i = 0; i < in->container_count; i++)
            if (in->containers[i] != found) in->containers[kept++] = in->containers[i];
        in->container_count = kept;
        container_free(found);
        result = operation_store(&run);
    }
    operation_end(&run);
    return result;
}

ULONG SKF_OpenContainer(HAPPLICATION hApplication, LPSTR szContainerName, HCONTAINER *phContainer) {
    struct operation run;
    if (!szContainerName || !phContainer) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, false);
    if (result != SAR_OK) return result;
    const struct container *found = find_container(run.application, szContainerName);
    result = found ? new_handle(&run, found->name, phContainer) : SAR_OBJERR;
    operation_end(&run);
    return result;
}

ULONG SKF_CloseContainer(HCONTAINER hContainer) { return handle_close(hContainer, CONTAINER); }

ULONG SKF_EnumContainer(HAPPLICATION hApplication, LPSTR szContainerName, ULONG *pulSize) {
    struct operation run;
    char list[MOST_CONTAINERS * CONTAINER_ROOM + 2] = "";
    size_t size = 0;
    if (!pulSize) return SAR_INVALIDPARAMERR;
    const ULONG result = application_begin(&run, hApplication, false);
    if (result != SAR_OK) return result;
    for (size_t i = 0; i < run.application->container_count; i++) {
        strcpy(list + size, run.application->containers[i]->name);
        size += strlen(list + size) + 1;
    }
    list[size] = 0;
    operation_end(&run);
    return give(list, size ? size + 1 : 2, szContainerName, pulSize);
}

ULONG SKF_GetContainerType(HCONTAINER hContainer, ULONG *pulContainerType) {
    struct operation run;
    if (!pulContainerType) return SAR_INVALIDPARAMERR;
    const ULONG result = container_begin(&run, hContainer, false);
    if (result != SAR_OK) return result;
    const struct pair *pairs = run.container->pairs;
    *pulContainerType =
        pairs[SIGNING].is_there || pairs[ENCRYPTION].is_there ? CONTAINER_TYPE_ECC : CONTAINER_TYPE_NONE;
    operation_end(&run);
    return SAR_OK;
}
