"""Issuing without keys and envelopes: the keys were given by the KMC beforehand, the signer works beside or in here."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from banyan.adapters.embedded_ca import EmbeddedConnector
from banyan.domain.ca.ports import ConnectorStatus, IssuanceTask, Issued, Outcome, Rejected
from banyan.kernel.home import Home
from banyan.signer.kmc_process import KmcService, kmc_kek
from banyan.signer.process import SignerService, signer_kek

_SLICE = 500


def keys_for(home: Home, issuances: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """What the KMC allocates to intents, by issuance. Not timed."""
    service = KmcService(home, kmc_kek(home), pool_minimum=1)
    try:
        allocate = service.handlers()["allocate"]
        answers = [
            answer
            for start in range(0, len(issuances), _SLICE)
            for answer in allocate(intents=list(issuances[start : start + _SLICE]))
        ]
    finally:
        service.close()
    return {answer["issuance"]: answer for answer in answers}


class SignerBeside(EmbeddedConnector):
    """The embedded connector with its signer, while ``keys`` stand in for the KMC: they hold what each intent gets."""

    def __init__(self, home: Home, *, patience: float) -> None:
        super().__init__(home, patience=patience)
        self.keys: dict[int, Mapping[str, Any]] = {}

    def _allocate(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        return {number: dict(self.keys.pop(number)) for number in numbers}


class SignerHere:
    """The connector of our own CAs without processes beside; ``keys`` must hold what each intent gets."""

    code = "embedded"

    def __init__(self, home: Home) -> None:
        self._service = SignerService(home, signer_kek(home))
        self._complete = self._service.handlers()["complete"]
        self._numbers: dict[str, int] = {}
        self.keys: dict[int, Mapping[str, Any]] = {}

    def submit_many(self, tasks: Sequence[IssuanceTask]) -> None:
        """Remember the tasks."""
        self._numbers.update((task.task_no, task.issuance) for task in tasks)

    def collect_many(self, task_nos: Sequence[str]) -> Sequence[Outcome]:
        """Sign now."""
        numbers = [self._numbers[task_no] for task_no in task_nos]
        keys = [self.keys.pop(number) for number in numbers]
        intents = [
            {
                "issuance": number,
                "encryption_public_key": key["encryption_public_key"],
                "kmc_receipt": key["receipt"],
            }
            for number, key in zip(numbers, keys, strict=True)
        ]
        outcomes: list[Outcome] = []
        for task_no, key, answer in zip(task_nos, keys, self._complete(intents=intents), strict=True):
            del self._numbers[task_no]
            if "refused" in answer:
                outcomes.append(Rejected(task_no, answer["refused"], answer["message"], answer["fields"]))
                continue
            certificates = answer["signing_certificate"], answer["encryption_certificate"]
            outcomes.append(Issued(task_no, *certificates, key["envelope"]))
        return outcomes

    def revoke_many(self, tasks: Sequence[Any]) -> Sequence[Any]:
        """Nothing is revoked here."""
        return [] if not tasks else _refuse()

    def crl(self, order: object) -> bytes:
        """No CRLs here."""
        del order
        _refuse()

    def last_crl_number(self, ca: str) -> int:
        """No CRLs here."""
        del ca
        return 0

    def status(self) -> ConnectorStatus:
        """Always up."""
        return ConnectorStatus(is_up=True)

    def close(self) -> None:
        """Close the journal, so that a signer of its own can open it."""
        self._service.close()


def _refuse() -> NoReturn:
    raise NotImplementedError("a bench issues only")
