/* Certificates of the two pairs: only the one of the key that is there is taken. */
#include <string.h>

#include <openssl/x509.h>

#include "device.h"

static bool certifies(const uint8_t *der, size_t size, const uint8_t point[SM2_POINT]) {
    const uint8_t *at = der;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    const ASN1_BIT_STRING *key = certificate ? X509_get0_pubkey_bitstr(certificate) : NULL;
    const bool good = key && at == der + size && ASN1_STRING_length(key) == SM2_POINT &&
                      memcmp(ASN1_STRING_get0_data(key), point, SM2_POINT) == 0;
    X509_free(certificate);
    return good;
}

ULONG SKF_ImportCertificate(HCONTAINER hContainer, BOOL bSignFlag, BYTE *pbCert, ULONG ulCertLen) {
    struct operation run;
    if (!pbCert) return SAR_INVALIDPARAMERR;
    if (ulCertLen == 0 || ulCertLen > LARGEST_CERTIFICATE) return SAR_INDATALENERR;
    ULONG result = container_begin(&run, hContainer, true);
    if (result != SAR_OK) return result;
    struct pair *pair = &run.container->pairs[bSignFlag ? SIGNING : ENCRYPTION];
    if (!login_find(&run, USER_TYPE)) result = SAR_USER_NOT_LOGGED_IN;
    else if (!pair->is_there) result = SAR_KEYNOTFOUNTERR;
    else if (!certifies(pbCert, ulCertLen, pair->point)) result = SAR_INDATAERR;
    else if (!octets_set(&pair->certificate, pbCert, ulCertLen)) result = SAR_MEMORYERR;
    else result = operation_store(&run);
    operation_end(&run);
    return result;
}

ULONG SKF_ExportCertificate(HCONTAINER hContainer, BOOL bSignFlag, BYTE *pbCert, ULONG *pulCertLen) {
    struct operation run;
    if (!pulCertLen) return SAR_INVALIDPARAMERR;
    ULONG result = container_begin(&run, hContainer, false);
    if (result != SAR_OK) return result;
    const struct octets *found = &run.container->pairs[bSignFlag ? SIGNING : ENCRYPTION].certificate;
    result = found->size ? give(found->data, found->size, pbCert, pulCertLen) : SAR_CERTNOTFOUNTERR;
    operation_end(&run);
    return result;
}
