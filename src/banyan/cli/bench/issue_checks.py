"""Whether the pairs of a bench are right: signatures by the other engine, keys, envelopes opened in the soft token."""

from collections.abc import Sequence
from typing import Any

from banyan import gm
from banyan.cli.bench import BenchFailed
from banyan.cli.bench.issue_right import check_signatures
from banyan.cli.bench.issue_world import Stock
from banyan.domain.ca.models import Certificate, CertificateAuthority, CertificatePair
from banyan.domain.inventory.models import PersonalizationTask
from banyan.pki.certificate import Certificate as CertificateView


def check(stock: Stock, pairs: Sequence[int], sample: int) -> dict[str, int]:
    """Check a sample of recorded pairs, and every one whose key lies in the soft token. Raises BenchFailed."""
    step = max(1, len(pairs) // max(1, sample))
    chosen = list(pairs[::step])
    signatures = check_signatures([bytes(row.der) for row in _certificates(chosen)], _authority_key(chosen))
    tasks = _tasks_in_token(stock, pairs)
    return {"signatures": signatures, "envelopes": _open_envelopes(stock, tasks)}


def _certificates(pairs: Sequence[int]) -> list[Certificate]:
    rows = list(Certificate.objects.filter(pair_id__in=list(pairs)).order_by("id"))
    if len(rows) != 2 * len(pairs):
        raise BenchFailed(figure="pairs", engine=gm.engine_name(), what=f"{len(rows)} certificates, {len(pairs)} pairs")
    return rows


def _authority_key(pairs: Sequence[int]) -> bytes:
    cas = Certificate.objects.filter(pair_id__in=list(pairs)).values_list("ca_id", flat=True).distinct()
    (authority,) = CertificateAuthority.objects.filter(pk__in=list(cas))
    return CertificateView.parse(bytes(authority.certificate)).spki_der[-65:]


def _tasks_in_token(stock: Stock, pairs: Sequence[int]) -> list[tuple[str, PersonalizationTask, int]]:
    found = CertificatePair.objects.unscoped("pairs of this bench").filter(
        pk__in=list(pairs), request_id__in=list(stock.containers)
    )
    by_issuance: dict[int, Any] = {pair.issuance_id: pair for pair in found if pair.issuance_id is not None}
    tasks = PersonalizationTask.objects.unscoped("tasks of this bench").filter(issuance_id__in=list(by_issuance))
    return [
        (stock.containers[by_issuance[task.issuance_id].request_id], task, by_issuance[task.issuance_id].pk)
        for task in tasks
    ]


def _open_envelopes(stock: Stock, tasks: Sequence[tuple[str, PersonalizationTask, int]]) -> int:
    """The token takes key and certificates only when they belong together, and refuses another key's envelope."""
    if not tasks:
        return 0
    token = stock.token()
    for container, task, pair in tasks:
        public = token.import_key_envelope(container, bytes(task.envelope or b""))
        for row in _certificates([pair]):
            token.import_certificate(container, bytes(row.der), row.use == Certificate.Use.SIGNING)
            if row.use == Certificate.Use.ENCRYPTION and not bytes(row.der).count(public):
                raise BenchFailed(figure="envelopes", engine=gm.engine_name(), what="another key was certified")
    if len(tasks) > 1:
        _refuse_swapped(token, tasks[0][0], bytes(tasks[1][1].envelope or b""))
    return len(tasks)


def _refuse_swapped(token: Any, container: str, envelope: bytes) -> None:
    from banyan_token.errors import EnvelopeRefused

    try:
        token.import_key_envelope(container, envelope)
    except EnvelopeRefused:
        return
    raise BenchFailed(figure="envelopes", engine=gm.engine_name(), what="a token opened another token's envelope")
