"""Values that actions of this package take and give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.errors import BanyanError


@dataclass(frozen=True, slots=True)
class RequestData:
    """What is entered for a request. Everything here is sealed at rest.

    ``subject``: additions to the subject that the holder's record gives (``OU``, ``L``, ``serialNumber``).
    ``form``: the extra fields of the issuing system. ``requester``: who handles it (name, phone, …). ``validity_days``
    None: the system's usual. ``is_classic``: for equipment that knows no SM2.
    """

    subject: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    requester: Mapping[str, str] = field(default_factory=dict)
    validity_days: int | None = None
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    is_classic: bool = False


@dataclass(frozen=True, slots=True)
class Brought:
    """What is noted when a request is taken in. ``requester``: name, phone, id_number (``TYPE:number``).

    ``form`` and ``department``: data for the entry that were at hand already.
    """

    requester: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] = field(default_factory=dict)
    department: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a material does not do: a ``models.DeficiencyReason``, and words of one's own."""

    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class NewMaterial:
    """A file handed in: what it is (a code of ``processes/materials.toml``), its name, its bytes.

    ``stored`` names a file kept already (the one sheet of thousands of requests): its (sm3, size, path). The rest is what
    taking in found out (see ``taking_in``).
    """

    code: str
    name: str
    content: bytes = b""
    media_type: str = "application/octet-stream"
    stored: tuple[str, int, str] | None = None
    page_count: int = 0
    previews: str = ""
    notes: str = ""
    scan: str = "NONE"


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """What is known when a request is opened.

    Exactly one of ``person_id``, ``organization_id`` (with the person who handles it in the data) and ``device_id`` is
    the holder, by the kind of certificate; the others may stand beside it. Businesses on an existing pair take
    everything from ``pair_id``.
    """

    business: str
    channel: str
    system: str = ""
    kind: str = ""
    region_code: str = ""
    person_id: int | None = None
    organization_id: int | None = None
    device_id: int | None = None
    pair_id: int | None = None
    reason: str = ""
    data: RequestData | None = None
    materials: Sequence[NewMaterial] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """One of many that was refused: its place in what was handed in, and why."""

    index: int
    error: BanyanError


@dataclass(slots=True)
class Outcome:
    """Result of doing something to many: one entry each, None where refused; and the refusals."""

    requests: list[ServiceRequest | None] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)

    @property
    def done(self) -> list[ServiceRequest]:
        """Those that went through."""
        return [request for request in self.requests if request is not None]


@dataclass(frozen=True, slots=True)
class IssueOrder:
    """A token's PKCS#10 for one request, and where the pair is to live."""

    request_id: int
    csr: bytes
    token_serial: str
    container: str
