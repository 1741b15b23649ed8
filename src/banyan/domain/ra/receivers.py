"""Who fetches a token, compared with whom the request names: its requester (经办人) or the holder himself."""

from dataclasses import dataclass, field

from banyan.domain.parties import protection
from banyan.domain.parties.models import Person
from banyan.domain.ra import intake, sealed_data
from banyan.domain.ra.delivery_errors import (
    ReceiverDiffers,
    ReceiverMissing,
    ReceiverUnauthorized,
    ReceiverUnchecked,
)
from banyan.domain.ra.models import HandOverReceipt, ServiceRequest

How = HandOverReceipt.How
_COMPARED = 4


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody a request names, in clear; never stored or shown whole."""

    name: str = ""
    phone: str = field(default="", repr=False)
    id_number: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who stands at the counter: the name on the receipt, the last four of the document, an authorisation for others."""

    name: str
    last_four: str = field(default="", repr=False)
    authorization: str = ""
    note: str = ""


def requester_of(request: ServiceRequest) -> Contact:
    """The registered requester, before the entry the one noted at intake; else the holder. Raises sealing.SealBroken."""
    said = dict(_entered(request))
    if said.get("name"):
        number = str(said.get("id_number", "")).rpartition(":")[2]
        return Contact(str(said["name"]), str(said.get("phone", "")), number)
    return holder_of(request)


def holder_of(request: ServiceRequest) -> Contact:
    """The person the certificate is for; nobody for a body's or a device's."""
    if request.person_id is None:
        return Contact()
    person = Person.objects.unscoped("the request's own holder").get(pk=request.person_id)
    return Contact(person.name, protection.open_phone(person), protection.open_identity(person).rpartition(":")[2])


def check(request: ServiceRequest, receiver: Receiver) -> HandOverReceipt.How:
    """How it is known that this receiver may take the token (领取签收, 规范 3.1.1.1-1).

    The registered requester shows the registered document, of which the last four are compared; anybody else brings an
    authorisation. Raises ReceiverMissing, ReceiverUnchecked, ReceiverDiffers, ReceiverUnauthorized.
    """
    name = _plain(receiver.name)
    if not name:
        raise ReceiverMissing
    if receiver.authorization.strip():
        return How.AUTHORIZED
    requester = requester_of(request)
    if name == _plain(requester.name):
        return _compared(request, requester, receiver, How.REQUESTER)
    holder = holder_of(request)
    if name == _plain(holder.name):
        return _compared(request, holder, receiver, How.HOLDER)
    raise ReceiverUnauthorized(number=request.number)


def _compared(
    request: ServiceRequest, known: Contact, receiver: Receiver, how: HandOverReceipt.How
) -> HandOverReceipt.How:
    if not known.id_number:
        return How.BY_NAME
    shown = _plain(receiver.last_four).upper()
    if not shown:
        raise ReceiverUnchecked(number=request.number)
    if len(shown) != _COMPARED or shown != known.id_number[-_COMPARED:].upper():
        raise ReceiverDiffers(number=request.number)
    return how


def _entered(request: ServiceRequest) -> dict[str, str]:
    if not request.data_digest:
        noted = intake.read(request)
        return dict(noted.requester) if noted is not None else {}
    return dict(sealed_data.read(sealed_data.open_text(request.number, request.data_sealed)).requester)


def _plain(text: str) -> str:
    return "".join(text.split())
