"""Signed and enveloped messages of GM/T 0010-2012 / GB/T 35275 (SM2 PKCS#7): the public face of ``cms_*``.

``sign_data`` and ``SignedData`` for signatures, attached or detached; ``envelop`` and ``open_envelope`` for
secrecy; ``sign_and_envelop`` and ``SignedAndEnvelopedData`` for both, the form in which a KMC answers.
"""

from banyan.pki.cms_enveloped import (
    SignedAndEnvelopedData,
    envelop,
    open_envelope,
    sign_and_envelop,
)
from banyan.pki.cms_errors import (
    CmsAlgorithmUnsupported,
    CmsContentDiffers,
    CmsContentMissing,
    CmsDigestMismatch,
    CmsError,
    CmsMalformed,
    CmsNotForThisKey,
    CmsSignatureInvalid,
    CmsSignerUnknown,
    CmsUnsigned,
)
from banyan.pki.cms_parts import Syntax
from banyan.pki.cms_signed import MessageSigner, SignedData, SignerInfo, VerifiedSigner, sign_data

__all__ = [
    "CmsAlgorithmUnsupported",
    "CmsContentDiffers",
    "CmsContentMissing",
    "CmsDigestMismatch",
    "CmsError",
    "CmsMalformed",
    "CmsNotForThisKey",
    "CmsSignatureInvalid",
    "CmsSignerUnknown",
    "CmsUnsigned",
    "MessageSigner",
    "SignedAndEnvelopedData",
    "SignedData",
    "SignerInfo",
    "Syntax",
    "VerifiedSigner",
    "envelop",
    "open_envelope",
    "sign_and_envelop",
    "sign_data",
]
