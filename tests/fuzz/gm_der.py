"""Coverage-guided fuzzing of the decoders of ``banyan.gm``: ``python tests/fuzz/gm_der.py -max_total_time=60``.

Not collected by pytest (its hypothesis counterparts are in tests/unit/gm). A decoder may refuse with an error of its
own or accept one form; anything else ends the run.
"""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["banyan.gm", "asn1crypto"]):
    from banyan.gm import der, errors, pkcs8, selection

ENGINE = selection.engine("openssl")


def one_input(data: bytes) -> None:
    raw, (accepted,) = ENGINE.signatures_from_der([data])
    try:
        signature = der.signature_from_der(data)
    except errors.DerError:
        assert not accepted
    else:
        assert accepted
        assert signature == raw
        assert der.signature_to_der(signature) == data
    with contextlib.suppress(errors.DerError):
        assert der.ciphertext_to_der(der.ciphertext_from_der(data)) == data
    with contextlib.suppress(errors.GmError):
        pkcs8.unsafe_private_key(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
