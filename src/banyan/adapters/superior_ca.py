"""The connector to a superior CA (国家政务外网 CA, or its simulator) over the local socket of its gateway.

It hands over and asks; it decides nothing and keeps nothing. Whatever goes wrong on the way is
ServiceUnavailable: the caller's work stays queued and is handed over again under the same task number, which
a superior CA must recognise.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

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
from banyan.kernel.errors import N_, BanyanError, RemoteError, ServiceUnavailable
from banyan.kernel.rpc import Client

SIMULATED = "simulated-superior"
_SLICE = 250

_Item = TypeVar("_Item")


class SuperiorFailed(ServiceUnavailable):
    """The superior CA answered with a failure of its own; the same call may work later."""

    code = "superior.failed"
    message = N_("上级 CA 出错（{reason}）。任务保留，稍后自动重试。")


class SuperiorAnswerUnreadable(ServiceUnavailable):
    """The superior CA's answer does not follow the contract, or contradicts itself about a task."""

    code = "superior.answer_unreadable"
    message = N_("上级 CA 对任务 {task_no} 的答复不合约定，没有采用。任务保留；反复出现时请联系上级 CA 核对。")


class TaskConflict(BanyanError):
    """A task number was used before for other content; all other tasks of the call have been handed over."""

    code = "superior.task_number_taken"
    message = N_("任务号 {task_no} 在上级 CA 已用于另一份内容，没有提交。请核对该申请单后重新发起签发。")


class SuperiorConnector:
    """Implements ``domain.ca.ports.Connector`` for a superior CA that listens on ``socket``."""

    def __init__(self, socket: Path, *, code: str = SIMULATED, timeout: float | None = 30.0) -> None:
        self.code = code
        self._client = Client(socket, service=code, timeout=timeout)

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        self._client.close()

    def submit_many(self, tasks: Sequence[IssuanceTask]) -> None:
        """Hand tasks over; repeating is harmless. Raises ServiceUnavailable, TaskConflict."""
        conflicts: list[str] = []
        for part in _slices(tasks):
            answers = self._call("submit", tasks=[_issuance_fields(task) for task in part])
            found = _by_task(answers)
            for task in part:
                answer = found.get(task.task_no)
                if answer is None or not (answer.get("accepted") or "refused" in answer):
                    raise SuperiorAnswerUnreadable(task_no=task.task_no)
                if "refused" in answer:
                    conflicts.append(task.task_no)
        if conflicts:
            raise TaskConflict(task_no=conflicts[0])

    def collect_many(self, task_nos: Sequence[str]) -> list[Outcome]:
        """What became of tasks, one answer each; numbers the superior CA does not know are left out.

        Raises ServiceUnavailable.
        """
        outcomes: list[Outcome] = []
        for part in _slices(task_nos):
            found = _by_task(self._call("collect", task_nos=list(part)))
            outcomes += [_issuance_outcome(found[task_no]) for task_no in part if task_no in found]
        return outcomes

    def revoke_many(self, tasks: Sequence[StatusTask]) -> list[StatusOutcome]:
        """Revoke, hold or release; one answer each. Repeating gives the state reached. Raises
        ServiceUnavailable.
        """
        outcomes: list[StatusOutcome] = []
        for part in _slices(tasks):
            answers = self._call("change_status", tasks=[_status_fields(task) for task in part])
            found = _by_task(answers)
            outcomes += [_status_outcome(found[task.task_no]) for task in part if task.task_no in found]
        return outcomes

    def crl(self, order: CrlOrder) -> bytes:
        """The current CRL (DER) of the superior CA, whatever was ordered. Raises ServiceUnavailable."""
        del order  # a superior CA publishes by its own numbers and times
        return self._field("crl", "der", bytes)

    def last_crl_number(self, ca: str) -> int:
        """The number of the superior CA's current CRL. Raises ServiceUnavailable."""
        del ca
        return self._field("crl", "number", int)

    def status(self) -> ConnectorStatus:
        """How the superior CA is; an unreachable one is reported, not raised."""
        try:
            found = self._call("status")
            return ConnectorStatus(is_up=True, pending=int(found["pending"]), note=str(found["name"]))
        except ServiceUnavailable as error:
            return ConnectorStatus(is_up=False, note=str(error))

    def certificate_states(self, serials: Sequence[str]) -> dict[str, str]:
        """VALID, HELD or REVOKED for each serial (hexadecimal) the superior CA knows. Raises
        ServiceUnavailable.
        """
        states: dict[str, str] = {}
        for part in _slices(serials):
            states |= self._call("certificate_status", serials=list(part))
        return states

    def chain(self) -> tuple[bytes, bytes]:
        """(root, issuing CA) certificates in DER, for registration. Raises ServiceUnavailable."""
        return self._field("chain", "root", bytes), self._field("chain", "issuing", bytes)

    def _field(self, method: str, name: str, kind: type[_Item]) -> _Item:
        value = self._call(method).get(name)
        if not isinstance(value, kind):
            raise SuperiorAnswerUnreadable(task_no=method)
        return value

    def _call(self, method: str, **params: Any) -> Any:
        try:
            return self._client.call(method, **params)
        except RemoteError as error:
            raise SuperiorFailed(service=self.code, reason=error.code) from error


def _slices(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _SLICE):
        yield items[start : start + _SLICE]


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _issuance_fields(task: IssuanceTask) -> dict[str, Any]:
    """What a superior CA needs to know; our own numbers stay here."""
    return {
        "task_no": task.task_no,
        "profile": task.profile,
        "csr": task.csr,
        "subject_der": task.subject_der,
        "not_before": _instant(task.not_before),
        "not_after": _instant(task.not_after),
        "extensions": json.loads(task.extension_values),
    }


def _status_fields(task: StatusTask) -> dict[str, Any]:
    return {
        "task_no": task.task_no,
        "serials": list(task.serials),
        "action": task.action,
        "reason": task.reason,
        "at": _instant(task.at),
    }


def _by_task(answers: Any) -> dict[str, dict[str, Any]]:
    """Answers by task number. The same answer twice is one answer; two different ones are none."""
    found: dict[str, dict[str, Any]] = {}
    try:
        for answer in answers:
            task_no = answer["task_no"]
            if found.setdefault(task_no, answer) != answer:
                raise SuperiorAnswerUnreadable(task_no=task_no)
    except (TypeError, KeyError):
        raise SuperiorAnswerUnreadable(task_no="") from None
    return found


def _issuance_outcome(answer: Mapping[str, Any]) -> Outcome:
    if answer.get("state") == "issued":
        return Issued(
            answer["task_no"],
            _der(answer, "signing_certificate"),
            _der(answer, "encryption_certificate"),
            _der(answer, "envelope"),
        )
    return _undecided_or_rejected(answer)


def _status_outcome(answer: Mapping[str, Any]) -> StatusOutcome:
    if answer.get("state") == "done":
        return StatusChanged(answer["task_no"])
    return _undecided_or_rejected(answer)


def _undecided_or_rejected(answer: Mapping[str, Any]) -> Pending | Rejected:
    task_no = answer["task_no"]
    if answer.get("state") == "pending":
        return Pending(task_no)
    code, message, fields = answer.get("code"), answer.get("message"), answer.get("fields")
    if answer.get("state") == "rejected" and isinstance(code, str) and isinstance(message, str):
        return Rejected(task_no, code, message, fields if isinstance(fields, dict) else {})
    raise SuperiorAnswerUnreadable(task_no=task_no)


def _der(answer: Mapping[str, Any], name: str) -> bytes:
    value = answer.get(name)
    if not isinstance(value, bytes):
        raise SuperiorAnswerUnreadable(task_no=answer["task_no"])
    return value
