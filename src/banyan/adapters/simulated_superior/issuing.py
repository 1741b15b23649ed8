"""What the simulated CA does with requests that are due: judge, lint, allocate an encryption key, sign
both.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from sqlite3 import Row
from typing import Any

from banyan.adapters.simulated_superior.authority import Authority
from banyan.adapters.simulated_superior.errors import (
    ContentRefused,
    KeyUsedBefore,
    ProfileNotServed,
    RejectedOnOrder,
    RequestMalformed,
    RequestNotProven,
    SuperiorRefusal,
)
from banyan.adapters.simulated_superior.faults import Fault, FaultPlan
from banyan.adapters.simulated_superior.key_centre import KeyCentre
from banyan.adapters.simulated_superior.store import Store
from banyan.kernel.errors import BanyanError
from banyan.kernel.identifiers import new_serial, serial_hex
from banyan.pki.certificate import CertificateParts, IdentifyCode, Template
from banyan.pki.csr import CertificationRequest, verify_many
from banyan.pki.envelope import enveloped_key_many
from banyan.pki.lint import Expected, lint_parts_many
from banyan.pki.profile import Profile, Use

_SLICE = 250


@dataclass
class _Case:
    """One task on its way."""

    task_no: str
    content: Mapping[str, Any] = field(repr=False)
    refusal: SuperiorRefusal | None = None
    request: CertificationRequest | None = None
    profile: Profile | None = None
    certificates: dict[Use, bytes] = field(default_factory=dict, repr=False)
    serials: dict[Use, bytes] = field(default_factory=dict)
    envelope: bytes = field(default=b"", repr=False)

    @property
    def parsed(self) -> CertificationRequest:
        assert self.request is not None  # noqa: S101  (a case without one has a refusal)
        return self.request

    def parts(self, use: Use, public_key: bytes, now: datetime) -> CertificateParts:
        """The moving parts of one of the two certificates."""
        self.serials[use] = new_serial(now)
        return CertificateParts(
            self.serials[use],
            datetime.fromisoformat(self.content["not_before"]),
            datetime.fromisoformat(self.content["not_after"]),
            bytes.fromhex(self.content["subject_der"]),
            public_key,
            **_moving_extensions(self.content["extensions"]),
        )


class Issuing:
    """Decides tasks; every method runs within the caller's transaction."""

    def __init__(self, store: Store, authority: Authority, key_centre: KeyCentre, plan: FaultPlan) -> None:
        self._store = store
        self._authority = authority
        self._key_centre = key_centre
        self._plan = plan

    def decide(self, rows: Sequence[Row], now: datetime) -> None:
        """Issue or reject tasks that are pending and due."""
        for start in range(0, len(rows), _SLICE):
            cases = [_Case(row["task_no"], json.loads(row["content"])) for row in rows[start : start + _SLICE]]
            self._judge(cases)
            for batch in _by_template([case for case in cases if case.refusal is None]):
                self._issue(batch, now)
            self._record(cases, now)

    def _judge(self, cases: Sequence[_Case]) -> None:
        for case in cases:
            if self._plan.of(case.task_no) is Fault.REJECT:
                case.refusal = RejectedOnOrder(task_no=case.task_no)
                continue
            case.profile = self._authority.profile(case.content["profile"])
            if case.profile is None:
                case.refusal = ProfileNotServed(profile=case.content["profile"])
                continue
            try:
                case.request = CertificationRequest.parse(bytes.fromhex(case.content["csr"]))
            except BanyanError as error:
                case.refusal = RequestMalformed(reason=error.code)
        parsed = [case for case in cases if case.refusal is None]
        proven = verify_many([case.parsed for case in parsed])
        used = self._used_keys(parsed)
        for case, is_proven in zip(parsed, proven, strict=True):
            if case.parsed.algorithm != "SM2":
                case.refusal = RequestMalformed(reason=case.parsed.algorithm)
            elif not is_proven:
                case.refusal = RequestNotProven()
            elif case.parsed.public_key in used:
                case.refusal = KeyUsedBefore()
            else:
                used.add(case.parsed.public_key)

    def _used_keys(self, cases: Sequence[_Case]) -> set[bytes]:
        keys = [case.parsed.public_key for case in cases]
        rows = self._store.rows_in("SELECT public_key FROM signing_keys WHERE public_key IN", keys)
        return {bytes(row["public_key"]) for row in rows}

    def _issue(self, cases: Sequence[_Case], now: datetime) -> None:
        """One batch of one profile. What the lint refuses takes no encryption key."""
        profile, is_soft_token = cases[0].profile, _is_soft_token(cases[0].content)
        assert profile is not None  # noqa: S101  (cases without one have a refusal)
        signing = self._authority.template(profile, Use.SIGNING, is_soft_token=is_soft_token)
        encryption = self._authority.template(profile, Use.ENCRYPTION, is_soft_token=is_soft_token)
        good = self._linted(cases, signing, now)
        if not good:
            return
        keys = self._key_centre.allocate([case.task_no for case in good])
        signing_tbs = signing.encode_tbs_many([case.parts(Use.SIGNING, case.parsed.public_key, now) for case in good])
        encryption_tbs = encryption.encode_tbs_many(
            [case.parts(Use.ENCRYPTION, key.public, now) for case, key in zip(good, keys, strict=True)]
        )
        envelopes = enveloped_key_many(
            [(case.parsed.public_key, key.private, key.public) for case, key in zip(good, keys, strict=True)]
        )
        signed = self._authority.sign_many([*signing_tbs, *encryption_tbs])
        first = signing.assemble_many(signing_tbs, signed[: len(good)])
        second = encryption.assemble_many(encryption_tbs, signed[len(good) :])
        for case, one, other, envelope in zip(good, first, second, envelopes, strict=True):
            case.certificates = {Use.SIGNING: one, Use.ENCRYPTION: other}
            case.envelope = envelope

    def _linted(self, cases: Sequence[_Case], template: Template, now: datetime) -> list[_Case]:
        """Cases whose content may be signed; the others get their refusal.

        Both certificates of a pair share all content but key and serial, so the signing one stands for both.
        """
        parts = []
        readable = []
        for case in cases:
            try:
                parts.append(case.parts(Use.SIGNING, case.parsed.public_key, now))
                readable.append(case)
            except (ValueError, TypeError, KeyError) as error:
                case.refusal = ContentRefused(rule="content", detail=type(error).__name__)
        expected = [Expected(public_key=case.parsed.public_key) for case in readable]
        for found in lint_parts_many(parts, template, expected=expected):
            if found.is_error and found.row is not None and readable[found.row].refusal is None:
                readable[found.row].refusal = ContentRefused(rule=found.rule, detail=found.text)
        return [case for case in readable if case.refusal is None]

    def _record(self, cases: Sequence[_Case], now: datetime) -> None:
        issued = [case for case in cases if case.refusal is None]
        self._store.execute_many(
            "UPDATE tasks SET state = 'issued', signing_certificate = ?, encryption_certificate = ?,"
            " envelope = ? WHERE task_no = ?",
            [
                (
                    case.certificates[Use.SIGNING],
                    case.certificates[Use.ENCRYPTION],
                    case.envelope,
                    case.task_no,
                )
                for case in issued
            ],
        )
        self._store.execute_many(
            "INSERT INTO certificates (serial, task_no, state, changed_at) VALUES (?, ?, 'VALID', ?)",
            [(serial_hex(case.serials[use]), case.task_no, now.timestamp()) for case in issued for use in case.serials],
        )
        self._store.execute_many(
            "INSERT INTO signing_keys VALUES (?, ?)",
            [(case.parsed.public_key, case.task_no) for case in issued],
        )
        self._store.execute_many(
            "UPDATE tasks SET state = 'rejected', refusal = ? WHERE task_no = ?",
            [(refusal_text(case.refusal), case.task_no) for case in cases if case.refusal is not None],
        )


def refusal_data(refusal: SuperiorRefusal) -> dict[str, Any]:
    """A refusal as it travels."""
    return {"code": refusal.code, "message": refusal.template, "fields": refusal.fields}


def refusal_text(refusal: SuperiorRefusal) -> str:
    """A refusal as it is stored."""
    return json.dumps(refusal_data(refusal), ensure_ascii=False)


def _by_template(cases: Sequence[_Case]) -> list[list[_Case]]:
    batches: dict[tuple[str, bool], list[_Case]] = {}
    for case in cases:
        batches.setdefault((case.content["profile"], _is_soft_token(case.content)), []).append(case)
    return list(batches.values())


def _is_soft_token(content: Mapping[str, Any]) -> bool:
    return bool(content["extensions"].get("soft_token"))


def _moving_extensions(values: Mapping[str, Any]) -> dict[str, Any]:
    """The extensions of a request as ``CertificateParts`` takes them."""
    found: dict[str, Any] = {}
    if code := values.get("identify_code"):
        found["identify_code"] = IdentifyCode(code["document"], code["value"])
    if code := values.get("organization_code"):
        found["organization_code"] = code
    for name in ("dns_names", "ip_addresses"):
        if entries := values.get(name):
            found[name] = tuple(entries)
    return found
