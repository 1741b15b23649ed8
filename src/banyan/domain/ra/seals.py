"""One seal, one certificate: a seal whose certificate is asked for or in force is not applied for a second time.

The code is sealed with the other data; a blind index finds the same code again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from banyan import sealing
from banyan.domain.ca.models import CertificatePair, PairState
from banyan.domain.ra.errors import SealTaken
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.systems.policy import CertificateKind

_KIND = "ra.seal"
FIELD = "seal_code"


@dataclass(frozen=True, slots=True)
class Use:
    """A request that is about a seal, and for whom."""

    pk: int
    number: str
    organization_id: int | None


def index_of(kind: str, form: Mapping[str, object]) -> bytes | None:
    """The blind index of the seal that a form names; None where it names none."""
    code = str(form.get(FIELD) or "")
    if kind != CertificateKind.SEAL or not code:
        return None
    return sealing.keyring(settings.HOME).index.index(code, _KIND)


def uses(indexes: Collection[bytes], now: datetime) -> dict[bytes, list[Use]]:
    """The requests under way, and those whose certificate is in force, by seal; two queries whatever their number."""
    if not indexes:
        return {}
    rows = list(
        ServiceRequest.objects.unscoped("a seal is one across the province")
        .filter(seal_index__in=list(indexes), state__in=(RequestState.OPEN, RequestState.DONE))
        .values_list("seal_index", "pk", "number", "organization_id", "state", "issued_pair_id")
    )
    issued = [pair for *_, state, pair in rows if state == RequestState.DONE and pair is not None]
    alive = set(
        CertificatePair.objects.unscoped("whether a seal's certificate is in force")
        .filter(pk__in=issued, state__in=(PairState.VALID, PairState.HELD), not_after__gte=now)
        .values_list("pk", flat=True)
    )
    found: dict[bytes, list[Use]] = {}
    for index, pk, number, body, state, pair in rows:
        if state == RequestState.OPEN or pair in alive:
            found.setdefault(bytes(index or b""), []).append(Use(pk, number, body))
    return found


def ensure_free(
    known: Mapping[bytes, list[Use]],
    index: bytes | None,
    *,
    organization_id: int | None,
    is_on_pair: bool,
    own: int = 0,
) -> None:
    """Whether a seal may be applied for. What renews or replaces a body's certificate is about its own seal.

    Raises SealTaken.
    """
    for use in known.get(index, ()) if index is not None else ():
        if (use.pk == 0 or use.pk != own) and not (is_on_pair and use.organization_id == organization_id):
            raise SealTaken(number=use.number)
