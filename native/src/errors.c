/* The names of return codes. */
#include "../include/banyan_skf.h"

#define BASE 0x0A000000u

static const char *const names[] = {
    [0x01] = "SAR_FAIL",
    [0x02] = "SAR_UNKNOWNERR",
    [0x03] = "SAR_NOTSUPPORTYETERR",
    [0x04] = "SAR_FILEERR",
    [0x05] = "SAR_INVALIDHANDLEERR",
    [0x06] = "SAR_INVALIDPARAMERR",
    [0x07] = "SAR_READFILEERR",
    [0x08] = "SAR_WRITEFILEERR",
    [0x09] = "SAR_NAMELENERR",
    [0x0A] = "SAR_KEYUSAGEERR",
    [0x0B] = "SAR_MODULUSLENERR",
    [0x0C] = "SAR_NOTINITIALIZEERR",
    [0x0D] = "SAR_OBJERR",
    [0x0E] = "SAR_MEMORYERR",
    [0x0F] = "SAR_TIMEOUTERR",
    [0x10] = "SAR_INDATALENERR",
    [0x11] = "SAR_INDATAERR",
    [0x12] = "SAR_GENRANDERR",
    [0x13] = "SAR_HASHOBJERR",
    [0x14] = "SAR_HASHERR",
    [0x15] = "SAR_GENRSAKEYERR",
    [0x16] = "SAR_RSAMODULUSLENERR",
    [0x17] = "SAR_CSPIMPRTPUBKEYERR",
    [0x18] = "SAR_RSAENCERR",
    [0x19] = "SAR_RSADECERR",
    [0x1A] = "SAR_HASHNOTEQUALERR",
    [0x1B] = "SAR_KEYNOTFOUNTERR",
    [0x1C] = "SAR_CERTNOTFOUNTERR",
    [0x1D] = "SAR_NOTEXPORTERR",
    [0x1E] = "SAR_DECRYPTPADERR",
    [0x1F] = "SAR_MACLENERR",
    [0x20] = "SAR_BUFFER_TOO_SMALL",
    [0x21] = "SAR_KEYINFOTYPEERR",
    [0x22] = "SAR_NOT_EVENTERR",
    [0x23] = "SAR_DEVICE_REMOVED",
    [0x24] = "SAR_PIN_INCORRECT",
    [0x25] = "SAR_PIN_LOCKED",
    [0x26] = "SAR_PIN_INVALID",
    [0x27] = "SAR_PIN_LEN_RANGE",
    [0x28] = "SAR_USER_ALREADY_LOGGED_IN",
    [0x29] = "SAR_USER_PIN_NOT_INITIALIZED",
    [0x2A] = "SAR_USER_TYPE_INVALID",
    [0x2B] = "SAR_APPLICATION_NAME_INVALID",
    [0x2C] = "SAR_APPLICATION_EXISTS",
    [0x2D] = "SAR_USER_NOT_LOGGED_IN",
    [0x2E] = "SAR_APPLICATION_NOT_EXISTS",
    [0x2F] = "SAR_FILE_ALREADY_EXIST",
    [0x30] = "SAR_NO_ROOM",
    [0x31] = "SAR_FILE_NOT_EXIST",
    [0x32] = "SAR_REACH_MAX_CONTAINER_COUNT",
};

const char *BYT_ErrorName(ULONG ulCode) {
    const ULONG place = ulCode - BASE;
    if (ulCode == SAR_OK) return "SAR_OK";
    return place > 0 && place < sizeof names / sizeof *names ? names[place] : "?";
}
