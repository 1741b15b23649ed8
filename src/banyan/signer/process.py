"""``banyan signer``: the process that holds the keys of the certificate authorities.

It serves one narrow call, *complete intent N*, and beside it CRLs, audit checkpoints and its own figures.
It reads what it needs from the database by itself and believes nothing it is told that it can look up.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, Final, TypeVar

from banyan import gm
from banyan.kernel import clock
from banyan.kernel.home import Home
from banyan.kernel.memory import settle_memory
from banyan.kernel.rpc import serve
from banyan.keys import Kek, KeyStore, load_kek, receipt_key
from banyan.keys.kek import Passphrase, harden_process
from banyan.signer import revocation_lists
from banyan.signer.authorities import Authorities
from banyan.signer.completion import BATCH, Completion, Order
from banyan.signer.errors import BatchTooLarge, NotACheckpoint
from banyan.signer.gathering import Gathering
from banyan.signer.guarded import drop_connection, with_database
from banyan.signer.journal import Journal
from banyan.signer.rates import Rates

CHECKPOINT_PREFIX: Final = b"banyan audit checkpoint v1\n"
_JOURNAL_PAGE: Final = 2000
_CHECKPOINT_BYTES: Final = 65_536

Result = TypeVar("Result")


def signer_kek(home: Home, passphrase: Passphrase | None = None) -> Kek:
    """The key-encryption key of the CAs' keys. Raises KekUnreadable."""
    return load_kek(home.keys / "signer.kek", passphrase=passphrase)


class SignerService:
    """The calls that the signer answers; one thread works, so keys, journal and database see no two callers
    at once.
    """

    def __init__(self, home: Home, kek: Kek) -> None:
        gm.self_test()
        self._journal = Journal(home.signer, kek)
        self._store = KeyStore(home.signer / "keys", kek)
        self._receipt_key = receipt_key(home.keys)
        self._crl_directory = home.signer / "crl"
        self._load()
        self._rates = Rates()
        self._gathering: Gathering[Order, dict[str, Any]] = Gathering(
            self._complete, limit=BATCH, name="signer", at_end=drop_connection
        )

    def handlers(self) -> Mapping[str, Callable[..., Any]]:
        """The calls by name."""
        return {
            "complete": self.complete,
            "sign_crl": self.sign_crl,
            "last_crl_number": self.last_crl_number,
            "sign_checkpoint": self.sign_checkpoint,
            "ca_status": self.ca_status,
            "journal": self.journal,
            "verify_journal": self.verify_journal,
            "reload": self.reload,
            "status": self.status,
        }

    def close(self) -> None:
        """Finish what is under way."""
        self._gathering.stop()
        self._journal.close()

    # the calls

    def complete(self, intents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Sign the certificates of intents, up to 500.

        Each intent is ``{issuance, encryption_public_key, kmc_receipt}``, the latter two None for a profile
        with one certificate. Each answer is ``{issuance, signing_certificate, encryption_certificate}`` or
        ``{issuance, refused, message, fields}``. Repeating is harmless: the journal answers with the same
        bytes.
        """
        if len(intents) > BATCH:
            raise BatchTooLarge(limit=BATCH, count=len(intents))
        return self._gathering.submit(
            [
                Order(int(intent["issuance"]), intent.get("encryption_public_key"), intent.get("kmc_receipt"))
                for intent in intents
            ]
        )

    def sign_crl(self, ca: str, number: int, this_update: str, next_update: str) -> dict[str, Any]:
        """Make the CRL of a CA from the certificates that the database lists as revoked; times as ISO 8601.

        Answers ``{crl, number, entries}``. Raises UnknownAuthority, NumberReturns, CertificateForged.
        """

        def work() -> dict[str, Any]:
            authority = self._authorities.get(ca)
            made = revocation_lists.make(
                authority,
                self._journal,
                self._crl_directory,
                number=int(number),
                this_update=datetime.fromisoformat(this_update),
                next_update=datetime.fromisoformat(next_update),
                now=clock.now(),
            )
            return {"crl": made.der, "number": made.number, "entries": made.entries}

        return self._on_database(work)

    def last_crl_number(self, ca: str) -> int:
        """The highest CRL number ever signed for a CA; 0 for none."""
        found = self._gathering.run(lambda: self._journal.last_crl(ca))
        return found[0] if found else 0

    def sign_checkpoint(self, payload: bytes) -> dict[str, bytes]:
        """Sign an audit checkpoint, which must begin with the prefix of one. Answers ``{signature,
        public_key}``.
        """
        audit = self._authorities.audit
        if audit is None or not payload.startswith(CHECKPOINT_PREFIX) or len(payload) > _CHECKPOINT_BYTES:
            raise NotACheckpoint()

        def work() -> bytes:
            (signature,) = audit.sign_many([payload])
            detail = {"payload": gm.sm3(payload).hex(), "signature": signature.hex()}
            self._journal.append_act("checkpoint", detail, now=clock.now())
            return signature

        return {"signature": self._gathering.run(work), "public_key": audit.public_key}

    def ca_status(self) -> list[dict[str, Any]]:
        """The CAs whose keys are here: code, algorithm, certificate, profiles, last CRL number."""
        described = self._authorities.describe()
        for one in described:
            one["last_crl_number"] = self.last_crl_number(one["code"])
        return described

    def journal(self, after: int = 0, limit: int = 500) -> list[dict[str, Any]]:
        """Completed issuances after sequence number ``after``, in order, at most 2,000 a call."""
        wanted = max(1, min(int(limit), _JOURNAL_PAGE))
        found = self._gathering.run(lambda: list(self._journal.read(int(after), wanted)))
        return [
            {
                "sequence": sequence,
                "at": at.isoformat(),
                "issuance": entry.issuance,
                "ca": entry.ca,
                "profile": entry.profile,
                "context": entry.context,
                "signing_certificate": entry.signing,
                "encryption_certificate": entry.encryption or None,
            }
            for sequence, at, entry in found
        ]

    def verify_journal(self) -> dict[str, Any]:
        """Walk the journal's whole chain. Raises JournalDamaged naming the first bad block."""
        blocks = self._gathering.run(self._journal.verify)
        return {"blocks": blocks, "entries": self._journal.entries, "head": self._journal.head}

    def reload(self) -> list[str]:
        """Take up keys that a ceremony or a rollover has added; the codes of the CAs here."""
        self._gathering.run(self._load)
        return sorted(self._authorities.by_code)

    def status(self) -> dict[str, Any]:
        """Figures for people and for the daily inspection."""
        return {
            "engine": gm.engine_name(),
            "tier": gm.engine_tier(),
            "authorities": sorted(self._authorities.by_code),
            "has_audit_key": self._authorities.audit is not None,
            "journal_entries": self._journal.entries,
            "journal_blocks": self._journal.blocks,
            "journal_head": self._journal.head.hex(),
            **self._rates.figures(),
        }

    # inside

    def _load(self) -> None:
        self._authorities = Authorities(self._store)
        self._completion = Completion(self._journal, self._authorities, self._receipt_key)

    def _complete(self, orders: list[Order]) -> list[dict[str, Any]]:
        began = monotonic()
        answers = with_database(lambda: self._completion.complete(orders, now=clock.now()))
        self._rates.note(answers, monotonic() - began)
        return answers

    def _on_database(self, work: Callable[[], Result]) -> Result:
        result: Result = self._gathering.run(lambda: with_database(work))
        return result


def run(home: Home, *, passphrase: Passphrase | None = None, stop: threading.Event | None = None) -> None:
    """Serve until ``stop``. Raises KekUnreadable, KeyFileDamaged, StoreInUse, JournalDamaged before
    serving.
    """
    harden_process()
    settle_memory()
    service = SignerService(home, signer_kek(home, passphrase))
    try:
        serve(home.socket("signer"), service.handlers(), stop=stop)
    finally:
        service.close()
