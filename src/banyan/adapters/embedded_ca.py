"""The embedded CA as a connector: our own key-management centre and signer, reached over their sockets.

Work goes in slices through two stages that run at the same time, each in a process of its own: while the
signer signs slice *n*, the key-management centre makes the keys and envelopes of slice *n+1*. Nothing is
kept here that matters: both processes answer repeats with the same certificates, so a task may be handed in
again after any break.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from threading import Lock
from time import monotonic
from typing import Any, Final

from banyan.domain.ca.models import Issuance
from banyan.domain.ca.ports import (
    ConnectorStatus,
    CrlOrder,
    IssuanceTask,
    Issued,
    Outcome,
    Pending,
    Rejected,
    StatusChanged,
    StatusOutcome,
    StatusTask,
)
from banyan.kernel.errors import RemoteError, ServiceUnavailable
from banyan.kernel.home import Home
from banyan.kernel.rpc import Client
from banyan.pki.profile import load_profiles

_SLICE: Final = 250
_KEPT: Final = 20_000
_log = logging.getLogger(__name__)


class EmbeddedConnector:
    """Implements ``domain.ca.ports.Connector`` with the processes of this installation.

    ``patience``: seconds that ``collect_many`` waits for work under way before it answers ``Pending``.
    """

    code = "embedded"

    def __init__(self, home: Home, *, patience: float = 20.0) -> None:
        self._patience = patience
        self._kmc = Client(home.socket("kmc"), service="kmc", timeout=120)
        self._signer = Client(home.socket("signer"), service="signer", timeout=120)
        self._pairs = {code: profile.is_pair for code, profile in load_profiles().items()}
        # One thread a stage keeps the order; two stages overlap.
        self._allocating = ThreadPoolExecutor(2, "embedded-kmc")
        self._signing = ThreadPoolExecutor(2, "embedded-signer")
        self._lock = Lock()
        self._under_way: OrderedDict[str, Future[dict[str, Outcome]]] = OrderedDict()

    # issuing

    def submit_many(self, tasks: Sequence[IssuanceTask]) -> None:
        """Hand tasks over; they are worked on while the caller goes on. Repeating one is harmless."""
        with self._lock:
            fresh = [task for task in tasks if not self._is_known(task.task_no)]
        self._start([(task.task_no, task.issuance, self._pairs.get(task.profile, True)) for task in fresh])

    def collect_many(self, task_nos: Sequence[str]) -> Sequence[Outcome]:
        """What became of tasks. Raises ServiceUnavailable when signer or KMC did not answer; the work stays
        queued.
        """
        self._take_up_again(task_nos)
        until = monotonic() + self._patience
        outcomes: list[Outcome] = []
        for task_no in task_nos:
            with self._lock:
                future = self._under_way.get(task_no)
            if future is None:
                continue
            try:
                outcomes.append(future.result(max(0.0, until - monotonic()))[task_no])
            except NotYet:
                outcomes.append(Pending(task_no))
            except (ServiceUnavailable, RemoteError) as error:
                self._forget(task_nos, future)
                raise _unavailable(error) from error
        self._forget([outcome.task_no for outcome in outcomes if not isinstance(outcome, Pending)])
        return outcomes

    # status and CRLs: the database is the truth of our own CAs

    def revoke_many(self, tasks: Sequence[StatusTask]) -> Sequence[StatusOutcome]:
        """Done at once: the CRL is made from what is recorded."""
        return [StatusChanged(task.task_no) for task in tasks]

    def retire_keys(self, issuances: Sequence[int]) -> int:
        """Move escrowed encryption keys to history; how many moved. Raises ServiceUnavailable."""
        moved: int = self._kmc.call("retire", issuances=list(issuances))
        return moved

    def recover_key(self, recovery: int) -> bytes:
        """The envelope of an approved recovery. Raises RemoteError (refused) or ServiceUnavailable."""
        envelope: bytes = self._kmc.call("recover", recovery_id=recovery)["envelope"]
        return envelope

    def crl(self, order: CrlOrder) -> bytes:
        """The CRL made and signed by the signer, which reads the revoked certificates by itself."""
        answer = self._signer.call(
            "sign_crl",
            ca=order.ca,
            number=order.number,
            this_update=order.this_update.isoformat(),
            next_update=order.next_update.isoformat(),
        )
        der: bytes = answer["crl"]
        return der

    def last_crl_number(self, ca: str) -> int:
        """The highest CRL number in the signer's journal; 0 for none."""
        number: int = self._signer.call("last_crl_number", ca=ca)
        return number

    def status(self) -> ConnectorStatus:
        """Whether both processes answer."""
        for client, name in ((self._kmc, "kmc"), (self._signer, "signer")):
            try:
                client.call("ping")
            except (ServiceUnavailable, RemoteError):
                return ConnectorStatus(is_up=False, note=name)
        with self._lock:
            pending = sum(not future.done() for future in set(self._under_way.values()))
        return ConnectorStatus(is_up=True, pending=pending)

    def close(self) -> None:
        """Let work under way end and close the connections."""
        self._allocating.shutdown(wait=True, cancel_futures=True)
        self._signing.shutdown(wait=True, cancel_futures=True)
        self._kmc.close()
        self._signer.close()

    # inside

    def _is_known(self, task_no: str) -> bool:
        future = self._under_way.get(task_no)
        return future is not None and not (future.done() and future.exception() is not None)

    def _take_up_again(self, task_nos: Sequence[str]) -> None:
        """Tasks handed over before a restart: the stored intent says which they are."""
        with self._lock:
            unknown = [task_no for task_no in task_nos if not self._is_known(task_no)]
        if not unknown:
            return
        found = Issuance.objects.filter(
            connector=self.code, state=Issuance.State.SUBMITTED, task_no__in=unknown
        ).values_list("task_no", "pk", "profile")
        self._start([(task_no, number, self._pairs.get(profile, True)) for task_no, number, profile in found])

    def _start(self, items: Sequence[tuple[str, int, bool]]) -> None:
        """Send (task number, issuance, whether it is a pair) through both stages, a slice at a time."""
        for start in range(0, len(items), _SLICE):
            part = items[start : start + _SLICE]
            allocated = self._allocating.submit(self._allocate, [number for _, number, is_pair in part if is_pair])
            signed = self._signing.submit(self._complete, part, allocated)
            with self._lock:
                for task_no, _, _ in part:
                    self._under_way[task_no] = signed
                while len(self._under_way) > _KEPT:
                    self._under_way.popitem(last=False)

    def _allocate(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        if not numbers:
            return {}
        return {answer["issuance"]: answer for answer in self._kmc.call("allocate", intents=list(numbers))}

    def _complete(
        self, part: Sequence[tuple[str, int, bool]], allocated: "Future[dict[int, dict[str, Any]]]"
    ) -> dict[str, Outcome]:
        keys = allocated.result()
        outcomes: dict[str, Outcome] = {}
        intents: list[dict[str, Any]] = []
        for task_no, number, is_pair in part:
            key = keys.get(number, {})
            if is_pair and "refused" in key:
                outcomes[task_no] = _rejected(task_no, key)
                continue
            intents.append(
                {
                    "issuance": number,
                    "encryption_public_key": key.get("encryption_public_key"),
                    "kmc_receipt": key.get("receipt"),
                }
            )
        signed = self._signer.call("complete", intents=intents) if intents else []
        by_number = {answer["issuance"]: answer for answer in signed}
        for task_no, number, _ in part:
            if task_no not in outcomes:
                outcomes[task_no] = _outcome(task_no, by_number[number], keys.get(number, {}))
        return outcomes

    def _forget(self, task_nos: Sequence[str], only: "Future[dict[str, Outcome]] | None" = None) -> None:
        with self._lock:
            for task_no in task_nos:
                if only is None or self._under_way.get(task_no) is only:
                    self._under_way.pop(task_no, None)


def _outcome(task_no: str, answer: Mapping[str, Any], key: Mapping[str, Any]) -> Outcome:
    if "refused" in answer:
        return _rejected(task_no, answer)
    return Issued(task_no, answer["signing_certificate"], answer["encryption_certificate"], key.get("envelope"))


def _rejected(task_no: str, answer: Mapping[str, Any]) -> Rejected:
    return Rejected(task_no, answer["refused"], answer["message"], answer["fields"])


def _unavailable(error: ServiceUnavailable | RemoteError) -> ServiceUnavailable:
    """A call that failed as a whole decided about no task: what it was about stays queued."""
    if isinstance(error, ServiceUnavailable):
        return error
    _log.error("embedded CA: %s %s", error.code, error)
    return ServiceUnavailable(service=f"signer/kmc ({error.code})")
