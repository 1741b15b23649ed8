"""Recovery of an escrowed encryption key: what the key-management centre checks by itself before an
envelope leaves.

It takes a recovery's number and nothing else from the caller. The recovery, its two approvals and both
certificates are guarded rows; the recipient is a certificate signed by a CA of ours and in force, so nobody
can name a bare key.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from banyan import gm
from banyan.domain.ca.models import Certificate as CertificateRecord
from banyan.domain.ca.models import CertificateAuthority, Origin, PairState
from banyan.domain.kmc import rules as kmc_rules
from banyan.domain.kmc.models import KeyRecovery, RecoveryApproval
from banyan.kernel.errors import N_
from banyan.pki.certificate import Certificate
from banyan.pki.errors import PkiError
from banyan.signer.errors import RecoveryRefused
from banyan.signer.guarded import GuardedRow, read_guarded


@dataclass(frozen=True, slots=True)
class Allowed:
    """A recovery that may be carried out: whose key, for which public key, agreed by whom."""

    recovery: int
    issuance: int
    recipient: bytes
    encryption_public_key: bytes
    approvers: tuple[int, ...]


def allowed(number: int, *, now: datetime) -> Allowed:
    """Check recovery ``number`` against the database. Raises RecoveryRefused, which the domain audits."""
    recovery = _one(read_guarded(KeyRecovery, [number], extra=("state",)), number, N_("没有这项恢复"))
    if recovery["state"] == KeyRecovery.State.REFUSED:
        _refuse(number, N_("已被审批人拒绝"))
    if recovery["expires_at"] <= now:
        _refuse(number, N_("已过期"))
    approvals = read_guarded(RecoveryApproval, [number], by="recovery_id")
    people = _approvers(number, recovery, approvals)
    escrowed = _escrowed_certificate(number, recovery["certificate_serial"])
    recipient = _recipient(number, recovery["recipient_certificate"], now)
    return Allowed(number, recovery["issuance_id"], recipient, escrowed.public_key, people)


def _approvers(number: int, recovery: GuardedRow, approvals: list[GuardedRow]) -> tuple[int, ...]:
    """Two people with two credentials, neither the requester nor the holder, who agreed to exactly this."""
    digest = kmc_rules.recovery_digest(
        KeyRecovery(id=recovery["id"], **{name: recovery[name] for name in KeyRecovery.GUARDED_FIELDS})
    )
    if not all(approval.is_genuine for approval in approvals):
        _refuse(number, N_("审批记录被系统以外的途径改动过"))
    agreed = [approval for approval in approvals if approval["recovery_digest"] == digest]
    people = {approval["approver"] for approval in agreed}
    credentials = {approval["credential"] for approval in agreed}
    if len(people) < kmc_rules.APPROVERS or len(credentials) < kmc_rules.APPROVERS or None in credentials:
        _refuse(number, N_("没有两名不同审批人的同意"))
    if recovery["requested_by"] in people or recovery["requested_credential"] in credentials:
        _refuse(number, N_("申请人不能审批自己的申请"))
    if recovery["holder_account_id"] is not None and recovery["holder_account_id"] in people:
        _refuse(number, N_("持有人不能审批自己密钥的恢复"))
    return tuple(sorted(people))


def _escrowed_certificate(number: int, serial: str) -> Certificate:
    """The encryption certificate whose key is asked for."""
    rows = read_guarded(CertificateRecord, [serial], by="serial", extra=("der",))
    row = _one(
        [row for row in rows if row["use"] == CertificateRecord.Use.ENCRYPTION],
        number,
        N_("没有这张加密证书"),
    )
    return _parsed(number, row)


def _recipient(number: int, certificate_der: bytes, now: datetime) -> bytes:
    """The public key of the recipient's certificate: recorded here, in force, and signed by a CA of ours."""
    rows = [
        row
        for row in read_guarded(CertificateRecord, [_serial(number, certificate_der)], by="serial", extra=("der",))
        if row["der"] == certificate_der and row["origin"] == Origin.OWN
    ]
    row = _one(rows, number, N_("接收证书不是本平台签发的"))
    if row["state"] != PairState.VALID or not row["not_before"] <= now <= row["not_after"]:
        _refuse(number, N_("接收证书无效"))
    if row["use"] == CertificateRecord.Use.ENCRYPTION:
        _refuse(number, N_("接收证书不是签名证书"))
    certificate = _parsed(number, row)
    authority = _one(read_guarded(CertificateAuthority, [row["ca_id"]]), number, N_("接收证书的 CA 没有登记"))
    issuer = Certificate.parse(authority["certificate"])
    if issuer.key_algorithm != "SM2" or certificate.key_algorithm != "SM2":
        _refuse(number, N_("接收证书不是 SM2 证书"))
    if gm.sm2.verify_many([(issuer.public_key, certificate.tbs_der, certificate.signature)]) != [True]:
        _refuse(number, N_("接收证书的签名不成立"))
    return certificate.public_key


def _serial(number: int, certificate_der: bytes) -> str:
    try:
        return Certificate.parse(certificate_der).serial_hex
    except PkiError:
        _refuse(number, N_("接收证书无法解析"))


def _parsed(number: int, row: GuardedRow) -> Certificate:
    if gm.sm3(row["der"]) != row["sm3"]:
        _refuse(number, N_("证书记录被系统以外的途径改动过"))
    try:
        return Certificate.parse(row["der"])
    except PkiError:
        _refuse(number, N_("证书无法解析"))


def _one(rows: list[GuardedRow], number: int, missing: str) -> GuardedRow:
    if len(rows) != 1:
        _refuse(number, missing)
    if not rows[0].is_genuine:
        _refuse(number, N_("记录被系统以外的途径改动过"))
    return rows[0]


def _refuse(number: int, reason: str) -> NoReturn:
    raise RecoveryRefused(recovery=number, reason=reason)
