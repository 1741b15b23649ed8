/* Files of an application. */
#include <stdlib.h>
#include <string.h>

#include "device.h"

static bool may(struct operation *run, uint32_t rights) {
    return rights == SECURE_ANYONE_ACCOUNT || (rights & SECURE_USER_ACCOUNT && login_find(run, USER_TYPE)) ||
           (rights & SECURE_ADM_ACCOUNT && login_find(run, ADMIN_TYPE));
}

static ULONG add(struct operation *run, const char *name, uint32_t size, uint32_t read_rights, uint32_t write_rights) {
    struct application *in = run->application;
    if (!may(run, in->create_rights)) return SAR_USER_NOT_LOGGED_IN;
    if (find_file(in, name)) return SAR_FILE_ALREADY_EXIST;
    if (in->file_count == MOST_FILES) return SAR_NO_ROOM;
    struct file *made = calloc(1, sizeof *made);
    if (!made) return SAR_MEMORYERR;
    in->files[in->file_count++] = made;
    strcpy(made->name, name);
    made->read_rights = read_rights;
    made->write_rights = write_rights;
    return octets_set(&made->content, NULL, size) ? operation_store(run) : SAR_MEMORYERR;
}

ULONG SKF_CreateFile(HAPPLICATION hApplication, LPSTR szFileName, ULONG ulFileSize, ULONG ulReadRights,
                     ULONG ulWriteRights) {
    struct operation run;
    if (!szFileName || !szFileName[0] || ulFileSize == 0) return SAR_INVALIDPARAMERR;
    if (!fits(szFileName, FILE_ROOM)) return SAR_NAMELENERR;
    if (ulFileSize > LARGEST_FILE) return SAR_NO_ROOM;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    result = add(&run, szFileName, ulFileSize, ulReadRights, ulWriteRights);
    operation_end(&run);
    return result;
}

ULONG SKF_DeleteFile(HAPPLICATION hApplication, LPSTR szFileName) {
    struct operation run;
    if (!szFileName) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    struct application *in = run.application;
    struct file *found = find_file(in, szFileName);
    if (!may(&run, in->create_rights)) {
        result = SAR_USER_NOT_LOGGED_IN;
    } else if (!found) {
        result = SAR_FILE_NOT_EXIST;
    } else {
        size_t kept = 0;
        for (size_t i = 0; i < in->file_count; i++)
            if (in->files[i] != found) in->files[kept++] = in->files[i];
        in->file_count = kept;
        file_free(found);
        result = operation_store(&run);
    }
    operation_end(&run);
    return result;
}

ULONG SKF_EnumFiles(HAPPLICATION hApplication, LPSTR szFileList, ULONG *pulSize) {
    struct operation run;
    char list[MOST_FILES * FILE_ROOM + 2] = "";
    size_t size = 0;
    if (!pulSize) return SAR_INVALIDPARAMERR;
    const ULONG result = application_begin(&run, hApplication, false);
    if (result != SAR_OK) return result;
    for (size_t i = 0; i < run.application->file_count; i++) {
        strcpy(list + size, run.application->files[i]->name);
        size += strlen(list + size) + 1;
    }
    list[size] = 0;
    operation_end(&run);
    return give(list, size ? size + 1 : 2, szFileList, pulSize);
}

ULONG SKF_GetFileInfo(HAPPLICATION hApplication, LPSTR szFileName, FILEATTRIBUTE *pFileInfo) {
    struct operation run;
    if (!szFileName || !pFileInfo) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, false);
    if (result != SAR_OK) return result;
    const struct file *found = find_file(run.application, szFileName);
    if (found) {
        memset(pFileInfo, 0, sizeof *pFileInfo);
        memcpy(pFileInfo->FileName, found->name, sizeof pFileInfo->FileName);
        pFileInfo->FileSize = (ULONG)found->content.size;
        pFileInfo->ReadRights = found->read_rights;
        pFileInfo->WriteRights = found->write_rights;
    } else {
        result = SAR_FILE_NOT_EXIST;
    }
    operation_end(&run);
    return result;
}

ULONG SKF_ReadFile(HAPPLICATION hApplication, LPSTR szFileName, ULONG ulOffset, ULONG ulSize, BYTE *pbOutData,
                   ULONG *pulOutLen) {
    struct operation run;
    if (!szFileName || !pulOutLen) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, false);
    if (result != SAR_OK) return result;
    const struct file *found = find_file(run.application, szFileName);
    if (!found) {
        result = SAR_FILE_NOT_EXIST;
    } else if (!may(&run, found->read_rights)) {
        result = SAR_USER_NOT_LOGGED_IN;
    } else if (ulOffset >= found->content.size) {
        result = SAR_INVALIDPARAMERR;
    } else {
        const size_t rest = found->content.size - ulOffset;
        result = give(found->content.data + ulOffset, ulSize < rest ? ulSize : rest, pbOutData, pulOutLen);
    }
    operation_end(&run);
    return result;
}

ULONG SKF_WriteFile(HAPPLICATION hApplication, LPSTR szFileName, ULONG ulOffset, BYTE *pbData, ULONG ulSize) {
    struct operation run;
    if (!szFileName || !pbData || ulSize == 0) return SAR_INVALIDPARAMERR;
    ULONG result = application_begin(&run, hApplication, true);
    if (result != SAR_OK) return result;
    const struct file *found = find_file(run.application, szFileName);
    if (!found) {
        result = SAR_FILE_NOT_EXIST;
    } else if (!may(&run, found->write_rights)) {
        result = SAR_USER_NOT_LOGGED_IN;
    } else if (ulOffset > found->content.size || ulSize > found->content.size - ulOffset) {
        result = SAR_INDATALENERR;
    } else {
        memcpy(found->content.data + ulOffset, pbData, ulSize);
        result = operation_store(&run);
    }
    operation_end(&run);
    return result;
}
