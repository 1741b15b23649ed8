"""Completing intents: from what stands in the database to two certificates in the journal, many at a time.

Each step takes the intents that are still to be signed and marks those it refuses; the last step writes the
journal, and only then does an answer leave.
"""

import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from banyan import gm
from banyan.domain.ca import rules as ca_rules
from banyan.kernel.errors import BanyanError
from banyan.keys.kek import receipts, same
from banyan.pki import csr
from banyan.pki.certificate import CertificateParts, Template
from banyan.pki.csr import CertificationRequest
from banyan.pki.errors import PartsInvalid, PkiError
from banyan.pki.lint import Finding, lint_pairs_many, lint_parts_many
from banyan.pki.profile import Profile, Use
from banyan.pki.public_key import sm2_spki
from banyan.signer import allowance, refusals
from banyan.signer.authorities import Authorities, Authority
from banyan.signer.boundaries import passing
from banyan.signer.errors import SelfCheckFailed
from banyan.signer.intents import Intent, load_intents
from banyan.signer.journal import Journal
from banyan.signer.journal_entry import DIGEST_BYTES, Entry
from banyan.signer.refusals import Refusal

BATCH: Final = 500
# With a slow engine a large batch is checked in part, each signature with this chance; a small batch always
# as a whole.
_SAMPLE: Final = 8
_ALWAYS_WHOLE: Final = 64


@dataclass(frozen=True, slots=True)
class Order:
    """One call's word about one intent: its number and, for a pair, what the key-management centre gave."""

    issuance: int
    encryption_public_key: bytes | None = None
    receipt: bytes | None = None


@dataclass(slots=True)
class _Work:
    """An intent on its way through the steps."""

    order: Order
    intent: Intent
    authority: Authority
    profile: Profile
    request: CertificationRequest
    is_soft_token: bool
    # One each for a single certificate; first signing, then encryption for a pair.
    parts: list[CertificateParts] = field(default_factory=list)
    tbs: list[bytes] = field(default_factory=list)
    certificates: list[bytes] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.order.issuance

    def templates(self) -> list[Template]:
        """The templates of its certificates, in the order of ``parts``."""
        uses = (Use.SIGNING, Use.ENCRYPTION) if self.profile.is_pair else (self.profile.uses[0],)
        return [self.authority.template(self.profile, use, is_soft_token=self.is_soft_token) for use in uses]

    @property
    def marks(self) -> list[bytes]:
        """What must never have been used before: the keys and the serials of this CA."""
        keys = [self.request.spki_der]
        serials = [self.intent.row["signing_serial"]]
        if self.order.encryption_public_key is not None:
            keys.append(sm2_spki(self.order.encryption_public_key))
            serials.append(self.intent.row["encryption_serial"])
        return keys + [f"serial/{self.authority.code}/{serial.upper()}".encode() for serial in serials]


class Completion:
    """Signs intents. Not safe for threads: the process's one working thread calls it."""

    def __init__(self, journal: Journal, authorities: Authorities, receipt_key: bytes) -> None:
        self._journal = journal
        self._authorities = authorities
        self._receipt_key = receipt_key
        self._own_keys = [authority.signer.public_key for authority in authorities.by_code.values()]

    def complete(self, orders: Sequence[Order], *, now: datetime) -> list[dict[str, Any]]:
        """One answer an order, in order: certificates, or why not. Durable in the journal before it
        returns.
        """
        unique = {order.issuance: order for order in orders}
        numbers = list(unique)
        intents = load_intents(numbers)
        digests = _intent_digests([(unique[number], intents[number]) for number in numbers if number in intents])
        answers: dict[int, dict[str, Any]] = {}
        for number, entry in self._journal.find(numbers).items():
            answers[number] = _repeat(number, entry, digests.get(number))
        for number in numbers:
            if number not in intents and number not in answers:
                answers[number] = _refused(refusals.IssuanceUnknown(issuance=number))
        new = [(unique[number], intents[number]) for number in numbers if number not in answers]
        answers.update(self._complete_new(new, digests, now))
        return [answers[order.issuance] for order in orders]

    def _complete_new(
        self, new: Sequence[tuple[Order, Intent]], digests: dict[int, bytes], now: datetime
    ) -> dict[int, dict[str, Any]]:
        refused: dict[int, Refusal] = {}
        works = self._allowed(new, refused)
        works = _prove_possession(works, refused)
        works = self._check_receipts(works, refused)
        works = self._check_unused(works, refused)
        works = self._check_content(works, refused)
        if works:
            passing("signer.before_signing")
            _sign(works)
            entries = [_entry(work, digests[work.number]) for work in works]
            self._journal.append(entries, [mark for work in works for mark in work.marks], now=now)
        answers = {number: _refused(refusal) for number, refusal in refused.items()}
        answers.update({work.number: _issued(work.number, work.certificates) for work in works})
        return answers

    # the steps

    def _allowed(self, new: Sequence[tuple[Order, Intent]], refused: dict[int, Refusal]) -> list[_Work]:
        works = []
        stated = allowance.certificate_digests([intent for _, intent in new])
        requests = csr.parse_many([intent.row["csr_der"] for _, intent in new])
        for (order, intent), digest, request in zip(new, stated, requests, strict=True):
            refusal = allowance.refusal_of(intent, digest)
            if refusal is None:
                made = self._work(order, intent, request)
                if isinstance(made, _Work):
                    works.append(made)
                    continue
                refusal = made
            refused[order.issuance] = refusal
        return works

    def _work(self, order: Order, intent: Intent, request: CertificationRequest | PkiError) -> _Work | Refusal:
        """The intent with its CA, profile and parsed request, or why these do not go together."""
        number = intent.id
        authority = self._authorities.by_code.get(intent.ca)
        if authority is None:
            return refusals.AuthorityUnknown(issuance=number, ca=intent.ca)
        if authority.is_superseded:
            return refusals.AuthoritySuperseded(issuance=number, ca=intent.ca)
        profile = self._authorities.profiles.get(intent.row["profile"])
        if profile is None or profile.code not in authority.profiles or profile.kind != intent.row["kind"]:
            return refusals.ProfileNotAllowed(issuance=number, ca=intent.ca, profile=intent.row["profile"])
        if isinstance(request, PkiError):
            return refusals.RequestMalformed(issuance=number, reason=request.code)
        try:
            csr.refuse_keys_of(request, self._own_keys)
        except PkiError as error:
            return refusals.RequestMalformed(issuance=number, reason=error.code)
        if request.algorithm not in profile.key_algorithms:
            return refusals.KeyNotAllowed(issuance=number, profile=profile.code, algorithm=request.algorithm)
        if profile.is_pair is (order.encryption_public_key is None):
            return refusals.EncryptionKeyMissing(issuance=number)
        is_soft = ca_rules.is_soft_token(intent.row["extension_values"])
        return _Work(order, intent, authority, profile, request, is_soft)

    def _check_receipts(self, works: list[_Work], refused: dict[int, Refusal]) -> list[_Work]:
        """The encryption key must come from the key-management centre, for this intent and this signing
        key.
        """
        pairs = [work for work in works if work.order.encryption_public_key is not None]
        expected = receipts(
            self._receipt_key,
            [(work.number, work.order.encryption_public_key or b"", work.request.public_key) for work in pairs],
        )
        for work, right in zip(pairs, expected, strict=True):
            if not same(work.order.receipt or b"", right):
                refused[work.number] = refusals.ReceiptInvalid(issuance=work.number)
        return _left(works, refused)

    def _check_unused(self, works: list[_Work], refused: dict[int, Refusal]) -> list[_Work]:
        """No key is certified twice, and no serial number returns; within this batch neither."""
        marks = [work.marks for work in works]
        flat = [mark for each in marks for mark in each]
        used = dict(zip(flat, self._journal.used_keys(flat), strict=True))
        seen: set[bytes] = set()
        for work, own in zip(works, marks, strict=True):
            again = [mark for mark in own if used[mark] or mark in seen]
            if again or len(set(own)) != len(own):
                is_serial = bool(again) and again[0].startswith(b"serial/")
                kind = refusals.SerialUsedBefore if is_serial else refusals.KeyUsedBefore
                refused[work.number] = kind(issuance=work.number)
            else:
                seen.update(own)
        return _left(works, refused)

    def _check_content(self, works: list[_Work], refused: dict[int, Refusal]) -> list[_Work]:
        """Lint both halves of every certificate: templates when they are made, moving parts always."""
        for work in works:
            _fill_parts(work, refused)
        for group in _by_template(_left(works, refused)):
            try:
                templates = group[0].templates()
            except BanyanError as error:  # a profile that does not fit its CA stops nobody else's certificates
                for work in group:
                    refused[work.number] = refusals.LintFailed(issuance=work.number, rule=error.code, detail=str(error))
                continue
            for place, template in enumerate(templates):
                for finding in lint_parts_many([work.parts[place] for work in group], template):
                    _refuse_finding(group, finding, refused)
            if len(templates) == 2:
                signing, encryption = ([work.parts[place] for work in group] for place in (0, 1))
                for finding in lint_pairs_many(signing, encryption):
                    _refuse_finding(group, finding, refused)
        works = _left(works, refused)
        for group in _by_template(works):
            _encode(group, refused)
        return _left(works, refused)


def _encode(group: list[_Work], refused: dict[int, Refusal]) -> None:
    """Splice the parts into their templates. What the lint let pass always encodes; should it not, only
    that one fails.
    """
    for place, template in enumerate(group[0].templates()):
        try:
            encoded = template.encode_tbs_many([work.parts[place] for work in group])
        except PartsInvalid as error:
            number = group[error.fields["row"]].number
            refused[number] = refusals.LintFailed(issuance=number, rule=error.code, detail=str(error))
            left = _left(group, refused)
            for work in left:
                work.tbs.clear()
            if left:
                _encode(left, refused)
            return
        for work, tbs in zip(group, encoded, strict=True):
            work.tbs.append(tbs)


def _sign(works: list[_Work]) -> None:
    """Sign, check and assemble: one batch of signatures a CA."""
    groups: dict[str, list[_Work]] = defaultdict(list)
    for work in works:
        groups[work.authority.code].append(work)
    for group in groups.values():
        authority = group[0].authority
        tbs = [one for work in group for one in work.tbs]
        signatures = authority.signer.sign_many(tbs)
        _check_signatures(authority, tbs, signatures)
        made = iter(signatures)
        for work in group:
            pieces = zip(work.templates(), work.tbs, strict=True)
            work.certificates = [template.assemble(one, next(made)) for template, one in pieces]


def _prove_possession(works: list[_Work], refused: dict[int, Refusal]) -> list[_Work]:
    for work, is_proved in zip(works, csr.verify_many([work.request for work in works]), strict=True):
        if not is_proved:
            refused[work.number] = refusals.PossessionNotProved(issuance=work.number)
    return _left(works, refused)


def _left(works: Iterable[_Work], refused: dict[int, Refusal]) -> list[_Work]:
    return [work for work in works if work.number not in refused] if refused else list(works)


def _by_template(works: Iterable[_Work]) -> list[list[_Work]]:
    """Works with the same CA, profile and kind of token: they share their templates."""
    groups: dict[tuple[str, str, bool], list[_Work]] = defaultdict(list)
    for work in works:
        groups[(work.authority.code, work.profile.code, work.is_soft_token)].append(work)
    return list(groups.values())


def _fill_parts(work: _Work, refused: dict[int, Refusal]) -> None:
    intent = work.intent
    try:
        serials = [bytes.fromhex(intent.row["signing_serial"])]
        if work.profile.is_pair:
            serials.append(bytes.fromhex(intent.row["encryption_serial"]))
        moving = ca_rules.extension_fields(intent.row["extension_values"])
    except (ValueError, KeyError, TypeError, json.JSONDecodeError):
        refused[intent.id] = refusals.SerialMissing(issuance=intent.id)
        return
    if not all(serials):
        refused[intent.id] = refusals.SerialMissing(issuance=intent.id)
        return
    common = (*intent.validity, intent.row["subject_der"])
    keys = (work.request.spki_der, work.order.encryption_public_key or b"")
    work.parts = [CertificateParts(serial, *common, key, **moving) for serial, key in zip(serials, keys, strict=False)]


def _refuse_finding(group: list[_Work], finding: Finding, refused: dict[int, Refusal]) -> None:
    if finding.is_error:
        number = group[finding.row or 0].order.issuance
        refused.setdefault(number, refusals.LintFailed(issuance=number, rule=finding.rule, detail=finding.text))


def _check_signatures(authority: Authority, tbs: Sequence[bytes], signatures: Sequence[bytes]) -> None:
    """A faulty signature must not leave: it is worthless at best and tells about the key at worst."""
    pairs = list(zip(tbs, signatures, strict=True))
    is_whole = len(pairs) <= _ALWAYS_WHOLE or gm.engine_tier() == "multi-buffer"
    chosen = pairs if is_whole else [pair for pair in pairs if secrets.randbelow(_SAMPLE) == 0]
    if not all(authority.signer.verify_many(chosen)):
        raise SelfCheckFailed(ca=authority.code)


def _intent_digests(pairs: Sequence[tuple[Order, Intent]]) -> dict[int, bytes]:
    """What each intent asks for, as one digest: the same question gets the same certificates, another one
    none.
    """
    texts = []
    for order, intent in pairs:
        head = (
            f"{intent.row['request_id']}/{intent.row['request_version']}/{intent.ca}/{intent.row['profile']}/"
            f"{intent.row['signing_serial']}/{intent.row['encryption_serial']}/"
            f"{intent.row['not_before'].timestamp():.6f}/{intent.row['not_after'].timestamp():.6f}/"
            f"{len(intent.row['subject_der'])}/{len(intent.row['csr_der'])}/{intent.row['extension_values']}/"
        )
        key = order.encryption_public_key or b""
        texts.append(head.encode() + intent.row["subject_der"] + intent.row["csr_der"] + key)
    digests = gm.sm3_many(texts)
    return {intent.id: digest[:DIGEST_BYTES] for (_, intent), digest in zip(pairs, digests, strict=True)}


def _entry(work: _Work, digest: bytes) -> Entry:
    intent = work.intent
    context = {
        "request": intent.row["request_id"],
        "version": intent.row["request_version"],
        "system": intent.row["system"],
        "kind": intent.row["kind"],
        "region": intent.row["region_code"],
        "subject": intent.row["subject_name"],
        "task": intent.row["task_no"],
        "token": intent.row["token_id"],
        "supersedes": intent.row["supersedes_id"],
    }
    encryption = work.certificates[1] if len(work.certificates) > 1 else b""
    return Entry(intent.id, intent.ca, intent.row["profile"], digest, work.certificates[0], encryption, context)


def _repeat(number: int, entry: Entry, digest: bytes | None) -> dict[str, Any]:
    if digest is None:
        return _refused(refusals.IssuanceUnknown(issuance=number))
    if digest != entry.intent_digest:
        return _refused(refusals.IntentChanged(issuance=number))
    return _issued(number, [entry.signing, entry.encryption] if entry.encryption else [entry.signing])


def _issued(number: int, certificates: Sequence[bytes]) -> dict[str, Any]:
    encryption = certificates[1] if len(certificates) > 1 else None
    return {"issuance": number, "signing_certificate": certificates[0], "encryption_certificate": encryption}


def _refused(refusal: Refusal) -> dict[str, Any]:
    fields = dict(refusal.fields)
    return {
        "issuance": fields["issuance"],
        "refused": refusal.code,
        "message": refusal.template,
        "fields": fields,
    }
