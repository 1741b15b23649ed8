"""How an encryption key travels: the public face of the forms that tokens, clients and foreign CAs accept.

``enveloped_key`` makes the SM2EnvelopedKey of GM/T 0009, in batches ``enveloped_key_many``; ``to_skf_blob`` turns it
into what hardware tokens import (GM/T 0016); ``CsrResponse`` carries it back to a request (GM/T 0092);
``kmc_response`` is a KMC's answer to another CA (GM/T 0014 with GM/T 0010); ``temporary_key_envelope`` is CFCA's way.
"""

from banyan.pki.csr_response import CsrResponse, CsrResponseMalformed, response
from banyan.pki.envelope_errors import (
    EnvelopeError,
    EnvelopeKeyMismatch,
    EnvelopeLayoutUnavailable,
    EnvelopeMalformed,
    EnvelopeNotForThisKey,
)
from banyan.pki.kmc_response import KeyForm, KmcResponse, KmcResponseMalformed, kmc_response
from banyan.pki.skf_blob import KeyFieldLayout, from_skf_blob, to_skf_blob
from banyan.pki.sm2_enveloped_key import (
    EnvelopedKey,
    enveloped_key,
    enveloped_key_many,
    open_enveloped_key,
    open_temporary_key_envelope,
    temporary_key_envelope,
)

__all__ = [
    "CsrResponse",
    "CsrResponseMalformed",
    "EnvelopeError",
    "EnvelopeKeyMismatch",
    "EnvelopeLayoutUnavailable",
    "EnvelopeMalformed",
    "EnvelopeNotForThisKey",
    "EnvelopedKey",
    "KeyFieldLayout",
    "KeyForm",
    "KmcResponse",
    "KmcResponseMalformed",
    "enveloped_key",
    "enveloped_key_many",
    "from_skf_blob",
    "kmc_response",
    "open_enveloped_key",
    "open_temporary_key_envelope",
    "response",
    "temporary_key_envelope",
    "to_skf_blob",
]
