"""Who receives a parcel: name, telephone and address, sealed to the parcel's number."""

import json
from dataclasses import asdict, dataclass, field

from django.conf import settings

from banyan import sealing
from banyan.domain.parties import rules as party_rules
from banyan.domain.parties.errors import PartiesError
from banyan.domain.ra.delivery_errors import RecipientInvalid
from banyan.domain.ra.models import Parcel
from banyan.kernel.errors import N_

_SHORTEST_ADDRESS = 6
_LONGEST_ADDRESS = 120


@dataclass(frozen=True, slots=True)
class Recipient:
    """In clear; for the label only."""

    name: str
    phone: str = field(repr=False)
    address: str = field(repr=False)
    postcode: str = ""


def read(*, name: str, phone: str, address: str, postcode: str = "") -> Recipient:
    """A recipient as typed, brought into form. Raises RecipientInvalid naming the field."""
    try:
        who = party_rules.person_name(name)
    except PartiesError as error:
        raise RecipientInvalid(field=N_("姓名"), reason=N_("写全名，只用文字")) from error
    try:
        number = party_rules.mobile_number(phone)
    except PartiesError as error:
        raise RecipientInvalid(field=N_("手机号"), reason=N_("是 11 位数字")) from error
    place, code = " ".join(address.split()), postcode.strip()
    if not _SHORTEST_ADDRESS <= len(place) <= _LONGEST_ADDRESS:
        raise RecipientInvalid(field=N_("地址"), reason=N_("写明到门牌，6 到 120 个字"))
    if code and not (code.isascii() and code.isdigit() and len(code) == 6):
        raise RecipientInvalid(field=N_("邮编"), reason=N_("是 6 位数字"))
    return Recipient(who, number, place, code)


def seal(number: str, recipient: Recipient) -> bytes:
    """For the row of the parcel of this number."""
    return _fields().seal(json.dumps(asdict(recipient), ensure_ascii=False), _context(number))


def open_sealed(parcel: Parcel) -> Recipient:
    """The recipient of a parcel. Raises sealing.SealBroken when the row was changed."""
    return Recipient(**json.loads(_fields().open(bytes(parcel.recipient_sealed), _context(parcel.number))))


def masked(recipient: Recipient) -> str:
    """What lists show: the name, the telephone's ends, the beginning of the address."""
    return f"{recipient.name} {party_rules.mask_phone(recipient.phone)} {recipient.address[:_SHORTEST_ADDRESS]}…"


def _fields() -> sealing.FieldSealer:
    return sealing.keyring(settings.HOME).fields


def _context(number: str) -> tuple[str, str, str]:
    return "ra_parcel", "recipient", number
