/* Functions of the standard that certificate work does not need: there for callers that look up the whole list. */
#include "../include/skf.h"

#define UNSUPPORTED(function, ...) \
    ULONG function(__VA_ARGS__) { return SAR_NOTSUPPORTYETERR; }

#pragma GCC diagnostic ignored "-Wunused-parameter"

UNSUPPORTED(SKF_Transmit, DEVHANDLE device, BYTE *command, ULONG size, BYTE *data, ULONG *room)
/* Keys from outside have no place in a token: whoever has one needs no token. */
UNSUPPORTED(SKF_ExtECCDecrypt, DEVHANDLE device, ECCPRIVATEKEYBLOB *key, PECCCIPHERBLOB cipher, BYTE *text, ULONG *room)
UNSUPPORTED(SKF_ExtECCSign, DEVHANDLE device, ECCPRIVATEKEYBLOB *key, BYTE *data, ULONG size, PECCSIGNATUREBLOB made)
/* libcrypto has no SM2 key agreement, and we write no arithmetic of our own. */
UNSUPPORTED(SKF_GenerateAgreementDataWithECC, HCONTAINER container, ULONG algorithm, ECCPUBLICKEYBLOB *temporary,
            BYTE *id, ULONG id_size, HANDLE *agreement)
UNSUPPORTED(SKF_GenerateAgreementDataAndKeyWithECC, HANDLE container, ULONG algorithm, ECCPUBLICKEYBLOB *sponsor,
            ECCPUBLICKEYBLOB *sponsor_temporary, ECCPUBLICKEYBLOB *temporary, BYTE *id, ULONG id_size,
            BYTE *sponsor_id, ULONG sponsor_id_size, HANDLE *key)
UNSUPPORTED(SKF_GenerateKeyWithECC, HANDLE agreement, ECCPUBLICKEYBLOB *other, ECCPUBLICKEYBLOB *temporary, BYTE *id,
            ULONG id_size, HANDLE *key)
/* RSA */
UNSUPPORTED(SKF_GenExtRSAKey, DEVHANDLE device, ULONG bits, RSAPRIVATEKEYBLOB *key)
UNSUPPORTED(SKF_GenRSAKeyPair, HCONTAINER container, ULONG bits, RSAPUBLICKEYBLOB *key)
UNSUPPORTED(SKF_ImportRSAKeyPair, HCONTAINER container, ULONG algorithm, BYTE *wrapped, ULONG wrapped_size, BYTE *data,
            ULONG size)
UNSUPPORTED(SKF_RSASignData, HCONTAINER container, BYTE *data, ULONG size, BYTE *signature, ULONG *room)
UNSUPPORTED(SKF_RSAVerify, DEVHANDLE device, RSAPUBLICKEYBLOB *key, BYTE *data, ULONG size, BYTE *signature,
            ULONG signature_size)
UNSUPPORTED(SKF_RSAExportSessionKey, HCONTAINER container, ULONG algorithm, RSAPUBLICKEYBLOB *key, BYTE *data,
            ULONG *room, HANDLE *made)
UNSUPPORTED(SKF_ExtRSAPubKeyOperation, DEVHANDLE device, RSAPUBLICKEYBLOB *key, BYTE *data, ULONG size, BYTE *out,
            ULONG *room)
UNSUPPORTED(SKF_ExtRSAPriKeyOperation, DEVHANDLE device, RSAPRIVATEKEYBLOB *key, BYTE *data, ULONG size, BYTE *out,
            ULONG *room)
