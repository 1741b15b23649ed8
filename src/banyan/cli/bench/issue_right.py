"""Whether certificates carry the signature of their CA, judged by another engine than the one that made it."""

from collections.abc import Sequence

from banyan import gm
from banyan.cli.bench import BenchFailed
from banyan.pki.certificate import Certificate


def check_signatures(certificates: Sequence[bytes], authority_key: bytes) -> int:
    """Verify certificates (DER) with another engine where there is one; a changed one must be refused.

    Returns how many were verified. Raises BenchFailed.
    """
    used = gm.engine_name()
    others = [name for name in gm.engines() if name != used]
    views = [Certificate.parse(der) for der in certificates]
    gm.use(others[0] if others else used)
    try:
        right = gm.sm2.verify_many([(authority_key, view.tbs_der, view.signature) for view in views])
        changed = gm.sm2.verify_many(
            [(authority_key, view.tbs_der[:-1] + bytes([view.tbs_der[-1] ^ 1]), view.signature) for view in views]
        )
    finally:
        gm.use(used)
    if not views or not all(right):
        raise BenchFailed(figure="signatures", engine=used, what="a certificate's signature does not verify")
    if any(changed):
        raise BenchFailed(figure="signatures", engine=used, what="a changed certificate verifies")
    return len(views)
