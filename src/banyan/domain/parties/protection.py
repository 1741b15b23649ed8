"""Sealing of people's numbers: the only place of this package that touches the keys of stored data.

A sealed value is bound to the column and to the person's identity index, so it cannot be moved to another person.
"""

from collections.abc import Iterable, Sequence

from django.conf import settings

from banyan import sealing

from .identity_rules import IdentityNumber
from .models import Person

_PHONE_KIND = "parties.phone"
_IDENTITY_KIND = "parties.identity"


def identity_indexes(numbers: Iterable[IdentityNumber]) -> list[bytes]:
    """Blind indexes of checked identity numbers (16 bytes each): equal for the same document, whoever enters it."""
    return _ring().index.index_many([number.index_text for number in numbers], _IDENTITY_KIND)


def phone_indexes(phones: Iterable[str]) -> list[bytes]:
    """Blind indexes of checked mobile numbers."""
    return _ring().index.index_many(phones, _PHONE_KIND)


def seal_identities(items: Sequence[tuple[bytes, IdentityNumber]]) -> list[bytes]:
    """Seal identity numbers, each given with its index."""
    return _ring().fields.seal_many((number.number, _context("id", index)) for index, number in items)


def seal_phones(items: Sequence[tuple[bytes, str]]) -> list[bytes]:
    """Seal telephones, each given with the identity index of the person it belongs to."""
    return _ring().fields.seal_many((phone, _context("phone", index)) for index, phone in items)


def open_identity(person: Person) -> str:
    """A person's number in clear, for what must be computed from it. Never shown: see ``actions.reveal_person``.

    Raises sealing.SealBroken when the stored value was changed or moved.
    """
    return _ring().fields.open(bytes(person.id_sealed), _context("id", bytes(person.id_index)))


def open_phone(person: Person) -> str:
    """A person's telephone in clear, for sending to it; empty when none is known. Raises sealing.SealBroken."""
    if person.phone_sealed is None:
        return ""
    return _ring().fields.open(bytes(person.phone_sealed), _context("phone", bytes(person.id_index)))


def identify_codes(people: Sequence[Person]) -> list[str]:
    """The codes that certificates carry instead of ID numbers (province-keyed HMAC-SM3), in order."""
    numbers = [person.number_read.number if person.number_read else open_identity(person) for person in people]
    return _ring().identify.code_many((person.id_type, number) for person, number in zip(people, numbers, strict=True))


def _context(column: str, index: bytes) -> tuple[str, str, str]:
    return "parties_person", column, index.hex()


def _ring() -> sealing.Keyring:
    return sealing.keyring(settings.HOME)
