"""``banyan kmc``: the key-management centre, the process that makes and keeps the encryption keys of
certificate holders.

No call returns a private key: what leaves is an envelope that opens only with the private key of a token.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final

from banyan import gm
from banyan.kernel import clock
from banyan.kernel.home import Home
from banyan.kernel.memory import settle_memory
from banyan.kernel.rpc import serve
from banyan.keys import Kek, load_kek, receipt_key
from banyan.keys.kek import Passphrase, harden_process, receipts
from banyan.pki.csr import CertificationRequest, parse_many
from banyan.pki.envelope import enveloped_key_many
from banyan.pki.errors import PkiError
from banyan.pki.profile import load_profiles
from banyan.signer import recovery, refusals
from banyan.signer.errors import BatchTooLarge, KeyNotEscrowed, RecoveryRefused
from banyan.signer.gathering import Gathering
from banyan.signer.guarded import GuardedRow, drop_connection, with_database
from banyan.signer.intents import load_recipients
from banyan.signer.kmc_store import EscrowStore
from banyan.signer.rates import Rates
from banyan.signer.refusals import KmcRefusal

BATCH: Final = 500
_REFILL_STEP: Final = 64


def kmc_kek(home: Home, passphrase: Passphrase | None = None) -> Kek:
    """The key-encryption key of the escrowed keys. Raises KekUnreadable."""
    return load_kek(home.keys / "kmc.kek", passphrase=passphrase)


class KmcService:
    """The calls that the key-management centre answers."""

    def __init__(self, home: Home, kek: Kek, *, pool_minimum: int = 64) -> None:
        gm.self_test()
        self._store = EscrowStore(home.kmc, kek)
        self._receipt_key = receipt_key(home.keys)
        self._profiles = load_profiles()
        self._pool_minimum = pool_minimum
        self._rates = Rates()
        self._gathering: Gathering[int, dict[str, Any]] = Gathering(
            self._allocate, limit=BATCH, name="kmc", idle=self.refill, at_end=drop_connection
        )

    def handlers(self) -> Mapping[str, Callable[..., Any]]:
        """The calls by name."""
        return {
            "allocate": self.allocate,
            "recover": self.recover,
            "retire": self.retire,
            "status": self.status,
        }

    def close(self) -> None:
        """Finish what is under way."""
        self._gathering.stop()
        self._store.close()

    # the calls

    def allocate(self, intents: Sequence[int]) -> list[dict[str, Any]]:
        """Give intents, up to 500, an encryption key pair each.

        Each answer is ``{issuance, encryption_public_key, envelope, receipt}`` or ``{issuance, refused,
        message, fields}``. The recipient is the key of the intent's PKCS#10, read from the database. A
        repeat gets the same key in a new envelope for the same recipient.
        """
        if len(intents) > BATCH:
            raise BatchTooLarge(limit=BATCH, count=len(intents))
        return self._gathering.submit([int(intent) for intent in intents])

    def recover(self, recovery_id: int) -> dict[str, Any]:
        """Carry out an approved recovery: ``{recovery, envelope}``, for the named certified key only.

        There is one envelope a recovery: asking again before it expires gives the same bytes. Raises
        RecoveryRefused.
        """
        result: dict[str, Any] = self._gathering.run(lambda: with_database(lambda: self._recover(int(recovery_id))))
        return result

    def retire(self, issuances: Sequence[int]) -> int:
        """Move the keys of issuances to history (their certificates were revoked or have expired); how many
        moved.
        """
        numbers = [int(issuance) for issuance in issuances]
        moved: int = self._gathering.run(lambda: self._store.retire(numbers, now=clock.now()))
        return moved

    def status(self) -> dict[str, Any]:
        """Figures for people and for the daily inspection."""
        return {
            "engine": gm.engine_name(),
            "pool_minimum": self._pool_minimum,
            "highest_issuance": self._store.highest_issuance(),
            **self._store.counts(),
            **self._rates.figures(),
        }

    def refill(self) -> None:
        """Make some keys when the pool is below its minimum; called while nothing else is to be done."""
        missing = self._pool_minimum - self._store.pool_size()
        if missing > 0:
            self._store.add_to_pool(min(missing, _REFILL_STEP), now=clock.now())

    # inside

    def _allocate(self, numbers: list[int]) -> list[dict[str, Any]]:
        began = monotonic()
        answers = with_database(lambda: self._allocate_batch(numbers))
        self._rates.note(answers, monotonic() - began)
        return answers

    def _allocate_batch(self, numbers: list[int]) -> list[dict[str, Any]]:
        unique = list(dict.fromkeys(numbers))
        rows = load_recipients(unique)
        answers: dict[int, dict[str, Any]] = {}
        recipients: dict[int, bytes] = {}
        requests = dict(zip(rows, parse_many([row["csr_der"] for row in rows.values()]), strict=True))
        for number in unique:
            try:
                recipients[number] = self._recipient(number, rows.get(number), requests.get(number))
            except KmcRefusal as refusal:
                answers[number] = _refused(refusal)
        keys = self._keys_for(recipients, answers)
        items = [(recipients[number], private, public) for number, (private, public) in keys.items()]
        envelopes = enveloped_key_many(items)
        proofs = receipts(
            self._receipt_key, [(number, public, recipients[number]) for number, (_, public) in keys.items()]
        )
        for (number, (_, public)), envelope, proof in zip(keys.items(), envelopes, proofs, strict=True):
            answers[number] = {
                "issuance": number,
                "encryption_public_key": public,
                "envelope": envelope,
                "receipt": proof,
            }
        return [answers[number] for number in numbers]

    def _recipient(self, number: int, row: GuardedRow | None, request: CertificationRequest | PkiError | None) -> bytes:
        """The public key that the intent's PKCS#10 asks to certify. Raises KmcRefusal."""
        if row is None or request is None:
            raise refusals.IntentMissing(issuance=number)
        if not row.is_genuine:
            raise refusals.IntentForged(issuance=number)
        if row["voided_at"] is not None:
            raise refusals.IntentCalledOff(issuance=number)
        profile = self._profiles.get(row["profile"])
        if profile is None or not profile.is_pair:
            raise refusals.NoPair(issuance=number, profile=row["profile"])
        if isinstance(request, PkiError):
            raise refusals.RecipientUnfit(issuance=number, reason=request.code)
        if request.algorithm != "SM2":
            raise refusals.RecipientUnfit(issuance=number, reason=request.algorithm)
        return request.public_key

    def _keys_for(
        self, recipients: Mapping[int, bytes], answers: dict[int, dict[str, Any]]
    ) -> dict[int, tuple[bytes, bytes]]:
        """(private, public) by issuance: those allocated before, and new ones; refusals go into
        ``answers``.
        """
        keys: dict[int, tuple[bytes, bytes]] = {}
        before = self._store.allocated(list(recipients))
        for number, escrowed in before.items():
            if escrowed.recipient != recipients[number]:
                answers[number] = _refused(refusals.RecipientDiffers(issuance=number))
                continue
            (private,) = self._store.unwrap_many([escrowed.key])
            keys[number] = (private, escrowed.key.public)
        wanted = [(number, recipient) for number, recipient in recipients.items() if number not in before]
        if wanted:
            made = self._store.allocate(wanted, now=clock.now())
            keys.update({number: pair for (number, _), pair in zip(wanted, made, strict=True)})
        return keys

    def _recover(self, number: int) -> dict[str, Any]:
        now = clock.now()
        allowed = recovery.allowed(number, now=now)
        kept = self._store.recovered(number)
        if kept is not None:
            if kept.recipient != allowed.recipient:
                raise RecoveryRefused(recovery=number, reason="已为另一接收者恢复过")
            return {"recovery": number, "envelope": kept.envelope}
        escrowed = self._store.allocated([allowed.issuance]).get(allowed.issuance)
        if escrowed is None or escrowed.key.public != allowed.encryption_public_key:
            raise KeyNotEscrowed(issuance=allowed.issuance)
        (private,) = self._store.unwrap_many([escrowed.key])
        (envelope,) = enveloped_key_many([(allowed.recipient, private, escrowed.key.public)])
        self._store.note_recovery(number, allowed.issuance, allowed.recipient, envelope, allowed.approvers, now=now)
        return {"recovery": number, "envelope": envelope}


def _refused(refusal: KmcRefusal) -> dict[str, Any]:
    return {
        "issuance": refusal.fields["issuance"],
        "refused": refusal.code,
        "message": refusal.template,
        "fields": refusal.fields,
    }


def run(
    home: Home,
    *,
    pool_minimum: int,
    passphrase: Passphrase | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until ``stop``. Raises KekUnreadable, StoreInUse before serving."""
    harden_process()
    settle_memory()
    service = KmcService(home, kmc_kek(home, passphrase), pool_minimum=pool_minimum)
    try:
        serve(home.socket("kmc"), service.handlers(), stop=stop)
    finally:
        service.close()
