"""CRLs: the signer reads by itself which certificates are revoked, and lets none vanish that was once
published.

A revoked certificate stays listed until it expires. Whoever edits the database can therefore hide no
revocation that was published before: the last list is kept here, its digest stands in the journal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from banyan import gm
from banyan.domain.ca.models import Certificate as CertificateRecord
from banyan.domain.ca.models import CertificateAuthority, PairState, RevocationReason
from banyan.kernel.errors import N_
from banyan.keys.files import write_private
from banyan.pki.crl import Reason, assemble_crl, build_tbs_crl, encode_entry, parse_crl
from banyan.signer.authorities import Authority
from banyan.signer.errors import NumberReturns, SelfCheckFailed, SignerError, UnknownAuthority
from banyan.signer.guarded import GuardedRow, genuine_pages, read_guarded
from banyan.signer.journal import Journal

_REASONS: Final = {
    RevocationReason.UNSPECIFIED: Reason.UNSPECIFIED,
    RevocationReason.KEY_COMPROMISE: Reason.KEY_COMPROMISE,
    RevocationReason.AFFILIATION_CHANGED: Reason.AFFILIATION_CHANGED,
    RevocationReason.SUPERSEDED: Reason.SUPERSEDED,
    RevocationReason.CESSATION_OF_OPERATION: Reason.CESSATION_OF_OPERATION,
    RevocationReason.CERTIFICATE_HOLD: Reason.CERTIFICATE_HOLD,
}
_LOOK_UP: Final = 500


class CertificateForged(SignerError):
    """A certificate's row does not carry its MAC: no CRL is made from a table that somebody edited."""

    code = "signer.certificate_forged"
    message = N_("证书 {serial} 的记录被系统以外的途径改动过，没有签发吊销列表。请立即报告安全管理员。")


@dataclass(frozen=True)
class MadeCrl:
    """A signed CRL, DER."""

    der: bytes
    number: int
    entries: int


def make(
    authority: Authority,
    journal: Journal,
    directory: Path,
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
    now: datetime,
) -> MadeCrl:
    """Make and sign the complete CRL of a CA.

    A number that is not above the last one is refused; the very same order again gives the same bytes. Raises
    NumberReturns, CertificateForged, UnknownAuthority, CrlInvalid, SelfCheckFailed.
    """
    kept = directory / f"{authority.code}.crl"
    order = f"{this_update.isoformat()}/{next_update.isoformat()}"
    last = journal.last_crl(authority.code)
    if last is not None and number <= last[0]:
        again = _same_again(kept, last, number, order)
        if again is None:
            raise NumberReturns(ca=authority.code, number=number, last=last[0])
        return again
    entries = dict(_listed(authority, now))
    entries.update(_published_before(authority, kept, entries, now))
    tbs = build_tbs_crl(
        authority.issuer,
        list(entries.values()),
        number=number,
        this_update=this_update,
        next_update=next_update,
    )
    (signature,) = authority.signer.sign_many([tbs])
    if authority.signer.verify_many([(tbs, signature)]) != [True]:
        raise SelfCheckFailed(ca=authority.code)
    der = assemble_crl(tbs, signature)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The file first: a crash in between leaves a newer list than the journal knows, whose entries only add.
    write_private(kept, der, overwrite=True)
    journal.append_act(
        "crl",
        {
            "ca": authority.code,
            "number": number,
            "order": order,
            "entries": len(entries),
            "sm3": gm.sm3(der).hex(),
        },
        now=now,
    )
    return MadeCrl(der, number, len(entries))


def _same_again(kept: Path, last: tuple[int, dict[str, Any]], number: int, order: str) -> MadeCrl | None:
    """The last CRL once more, when a repeated order asks for just it and its bytes are what the journal
    says.
    """
    if number != last[0] or last[1]["order"] != order or not kept.exists():
        return None
    der = kept.read_bytes()
    return MadeCrl(der, number, last[1]["entries"]) if gm.sm3(der).hex() == last[1]["sm3"] else None


def _listed(authority: Authority, now: datetime) -> Iterator[tuple[bytes, bytes]]:
    """(serial, encoded entry) of every certificate that the database says is revoked or held and has not
    expired.
    """
    ids = [row["id"] for row in _authority_rows(authority)]
    # Every row of the CA is looked at: state and expiry can be trusted only after the MAC, so they cannot choose the rows.
    for page in genuine_pages(CertificateRecord, CertificateRecord.objects.filter(ca_id__in=ids)):
        for row in page:
            if not row.is_genuine:
                raise CertificateForged(serial=row["serial"])
            if row["state"] == PairState.VALID or row["not_after"] < now:
                continue
            if row["revoked_at"] is None:
                raise CertificateForged(serial=row["serial"])
            serial = bytes.fromhex(row["serial"]).lstrip(b"\x00")
            yield (
                serial,
                encode_entry(serial, row["revoked_at"], _REASONS[row["reason"] or RevocationReason.UNSPECIFIED]),
            )


def _authority_rows(authority: Authority) -> list[GuardedRow]:
    rows = [row for row in read_guarded(CertificateAuthority, [authority.code], by="code") if row.is_genuine]
    if not rows:
        raise UnknownAuthority(ca=authority.code)
    return rows


def _published_before(
    authority: Authority, kept: Path, entries: dict[bytes, bytes], now: datetime
) -> Iterator[tuple[bytes, bytes]]:
    """Entries of the last list that the database no longer gives and that must stay: neither expired nor
    released.
    """
    if not kept.exists():
        return
    last = parse_crl(kept.read_bytes())
    if authority.signer.verify_many([(last.tbs_der, last.signature)]) != [True]:
        raise CertificateForged(serial=kept.name)
    missing = [entry for entry in last.entries() if entry.serial not in entries]
    for start in range(0, len(missing), _LOOK_UP):
        page = missing[start : start + _LOOK_UP]
        rows = {
            bytes.fromhex(row["serial"]).lstrip(b"\x00"): row
            for row in read_guarded(CertificateRecord, [entry.serial.hex().upper() for entry in page], by="serial")
            if row.is_genuine
        }
        for entry in page:
            row = rows.get(entry.serial)
            if row is not None and row["not_after"] < now:
                continue
            if row is not None and row["state"] == PairState.VALID and entry.reason is Reason.CERTIFICATE_HOLD:
                continue
            yield entry.serial, encode_entry(entry.serial, entry.revoked_at, entry.reason)
