"""Decisions about certificates as pure functions of values."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from banyan import gm
from banyan.pki.certificate_parts import IdentifyCode


class _Activity(Protocol):
    is_active: bool


_A = TypeVar("_A", bound=_Activity)
# The connector of our own CAs, whose serial numbers are chosen with the intent.
EMBEDDED: Final = "embedded"
SLICE: Final = 250
_canonical: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=10)
_CRL_FILE: Final = re.compile(r"(?P<number>\d+)\.crl")

# Entries of ``Issuance.extension_values``; each is left out when the certificate does not carry it.
#   identify_code      {"document": "resident"|"officer"|"passport", "value": upper-case hex HMAC-SM3 or the number}
#   organization_code  text (统一社会信用代码)
#   dns_names          list of text
#   ip_addresses       list of text
#   crl_shard          number fixed at issue
#   soft_token         true: the policies of a software token
EXTENSION_ENTRIES: Final = (
    "identify_code", "organization_code", "dns_names", "ip_addresses", "crl_shard", "soft_token",
)  # fmt: skip


def canonical_json(value: Any) -> str:
    """One text for one value: keys sorted, no spaces, characters as they are."""
    return _canonical(value)


def extension_values(
    *,
    identify_code: IdentifyCode | None = None,
    organization_code: str = "",
    dns_names: Sequence[str] = (),
    ip_addresses: Sequence[str] = (),
    crl_shard: int | None = None,
    is_soft_token: bool = False,
) -> str:
    """The stored form of the moving extensions (canonical JSON)."""
    values: dict[str, Any] = {}
    if identify_code is not None:
        values["identify_code"] = {"document": identify_code.document, "value": identify_code.value}
    if organization_code:
        values["organization_code"] = organization_code
    if dns_names:
        values["dns_names"] = list(dns_names)
    if ip_addresses:
        values["ip_addresses"] = list(ip_addresses)
    if crl_shard is not None:
        values["crl_shard"] = crl_shard
    if is_soft_token:
        values["soft_token"] = True
    return canonical_json(values)


def extension_fields(stored: str) -> dict[str, Any]:
    """The stored moving extensions as keyword arguments of ``pki.CertificateParts`` (``soft_token`` left out)."""
    values = json.loads(stored)
    fields: dict[str, Any] = {}
    if code := values.get("identify_code"):
        fields["identify_code"] = IdentifyCode(code["document"], code["value"])
    if code := values.get("organization_code"):
        fields["organization_code"] = code
    for name in ("dns_names", "ip_addresses"):
        if entries := values.get(name):
            fields[name] = tuple(entries)
    if (shard := values.get("crl_shard")) is not None:
        fields["crl_shard"] = shard
    return fields


def is_soft_token(stored: str) -> bool:
    """Whether the certificate carries the policies of a software token."""
    return '"soft_token":true' in stored


def certificate_digest(system: str, kind: str, profile: str, subject_der: bytes, stored_extensions: str) -> str:
    """SM3 (hex) over everything a certificate will state about its holder.

    Written into the guarded proofreading and computed again from the intent by the signer, so an intent that says
    something else than what was proofread is refused without anybody opening protected data.
    """
    return gm.sm3(_certificate_facts(system, kind, profile, subject_der, stored_extensions)).hex()


def certificate_digest_many(facts: Iterable[tuple[str, str, str, bytes, str]]) -> list[str]:
    """``certificate_digest`` of many (system, kind, profile, subject_der, extension_values)."""
    return [digest.hex() for digest in gm.sm3_many([_certificate_facts(*fact) for fact in facts])]


def _certificate_facts(system: str, kind: str, profile: str, subject_der: bytes, extensions: str) -> bytes:
    head = canonical_json([system, kind, profile, bytes(subject_der).hex()])
    # What is not about the holder may be decided after proofreading: the medium and the CRL's part.
    if "crl_shard" in extensions or "soft_token" in extensions:
        entries = json.loads(extensions).items()
        extensions = canonical_json({name: one for name, one in entries if name not in ("crl_shard", "soft_token")})
    return f"{head}\n{extensions}".encode()


def key_number(spki_der: bytes) -> int:
    """The number by which ``SubjectKey`` knows a public key: 64 bits of SM3 over the canonical SPKI, signed."""
    return int.from_bytes(gm.sm3(spki_der)[:8], "big", signed=True)


def key_numbers(spkis: Sequence[bytes]) -> list[int]:
    """``key_number`` of many keys."""
    return [int.from_bytes(digest[:8], "big", signed=True) for digest in gm.sm3_many(list(spkis))]


def task_number(request_id: int, request_version: int, key: int) -> str:
    """The task number of an intent: it names the key, so after a restore it cannot return for something else."""
    return f"{request_id}-{request_version}-{key & (2**64 - 1):016x}"


def newest_generation(code: str, authorities: Mapping[str, _A]) -> _A | None:
    """The CA that issues under ``code`` today: itself, or after rollovers its newest active successor ``<code>-g<n>``."""
    named = authorities.get(code)
    if named is None or named.is_active:
        return named
    later = [
        (int(other.rsplit("-g", 1)[1]), authority)
        for other, authority in authorities.items()
        if re.fullmatch(re.escape(code) + r"-g\d+", other) and authority.is_active
    ]
    return max(later, key=lambda found: found[0])[1] if later else named


def wait_before_retry(attempts: int) -> timedelta:
    """How long to leave a CA alone after ``attempts`` fruitless ones: doubling from 2 s to 10 min."""
    doublings = min(max(attempts - 1, 0), 12)
    return min(_FIRST_WAIT * (1 << doublings), _LONGEST_WAIT)


def next_crl_number(*seen: int) -> int:
    """One more than the highest number found in database, published files and journal: numbers never return."""
    return max(seen, default=0) + 1


def crl_number_of_file(name: str) -> int:
    """The number in a published file's name (``12.crl``), 0 for any other name."""
    match = _CRL_FILE.fullmatch(name)
    return int(match["number"]) if match else 0


def is_in_force(state: str, not_before: datetime, not_after: datetime, now: datetime) -> bool:
    """Whether a certificate may be relied on at ``now``."""
    return state == "VALID" and not_before <= now <= not_after
