/* What the soft token offers beyond GM/T 0016; a caller that must run with any vendor's library leaves it alone. */
#ifndef BANYAN_SKF_H
#define BANYAN_SKF_H

#include "skf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From now on the devices of the calling thread lie in the directory szRoot (an absolute path); the machine's secret is in
 * the file szMachineSecret, or, when it is NULL, in the root's name with ".secret". szRoot NULL: as the settings say.
 * Handles that are open stay what they are. */
ULONG DEVAPI BYT_UsePlace(LPSTR szRoot, LPSTR szMachineSecret);

/* Make an empty device, what a factory does for hardware. pbAuthKey: the device key, 16 octets. ulIterations: cost of
 * deriving a key from a PIN, 10,000 or more; 0 for the default. SAR_OBJERR when there is such a device. */
ULONG DEVAPI BYT_CreateDevice(LPSTR szSerial, LPSTR szLabel, BYTE *pbAuthKey, ULONG ulIterations);

/* Destroy a device with everything in it; needs SKF_DevAuth on hDev, whose handles are void afterwards. */
ULONG DEVAPI BYT_DestroyDevice(DEVHANDLE hDev);

/* Remote unblocking by challenge and response, for which the standard has no function.
 *
 * The request is text: base64url of the JSON array [serial, number, salt, iterations]; an earlier one is void. The
 * response is text too and good for one attempt; it carries the new user PIN and the secret that opens the keys, under a
 * key derived from the administrator PIN and bound to the request. A wrong response costs a try of the administrator PIN
 * and *pulRetryCount tells what is left; one to another request is refused (SAR_INDATAERR) and costs nothing. */
ULONG DEVAPI BYT_GenRemoteUnblockRequest(HAPPLICATION hApplication, LPSTR szRequest, ULONG *pulRequestLen);
ULONG DEVAPI BYT_RemoteUnblockPIN(HAPPLICATION hApplication, LPSTR szResponse, ULONG *pulRetryCount);

/* As SKF_ImportECCKeyPair, but the envelope is for the signing key of hSigningContainer: a recovered old encryption key
 * goes into a container of its own. */
ULONG DEVAPI BYT_ImportECCKeyPairFor(HCONTAINER hContainer, HCONTAINER hSigningContainer,
                                     PENVELOPEDKEYBLOB pEnvelopedKeyBlob);

/* What was encrypted for the encryption key of a container; the standard opens session keys only. Needs the user's PIN. */
ULONG DEVAPI BYT_ECCDecrypt(HCONTAINER hContainer, PECCCIPHERBLOB pCipherText, BYTE *pbPlainText, ULONG *pulPlainTextLen);

/* The name of a return code, such as "SAR_PIN_LOCKED". Never NULL. */
const char *DEVAPI BYT_ErrorName(ULONG ulCode);

#ifdef __cplusplus
}
#endif
#endif
