"""Why the signer does not complete an intent. Each is final for that intent as it stands, and told to the
domain, which audits it by its code.

::

    Refusal
    ├── IssuanceUnknown, IssuanceForged, IssuanceVoid, IntentChanged
    ├── RequestUnknown, RequestNotOpen, RequestChanged
    ├── ApprovalMissing, ApprovalForged, NotApproved, ApprovalOfOtherMaterials, ApprovalOfAnother
    ├── ProofreadingMissing, ProofreadingForged, ProofreadingOfOtherData, OtherThanProofread
    ├── SamePerson
    ├── AuthorityUnknown, AuthoritySuperseded, AuthorityForged, ProfileNotAllowed, KeyNotAllowed
    ├── RequestMalformed, PossessionNotProved, KeyUsedBefore, SerialUsedBefore, SerialMissing
    ├── EncryptionKeyMissing, ReceiptInvalid
    └── LintFailed
"""

from banyan.kernel.errors import N_
from banyan.signer.errors import SignerError


class Refusal(SignerError):
    """Base: the intent ``issuance`` is not signed."""

    code = "signer.refused"
    message = N_("签发意图 {issuance} 没有签发。")


class IssuanceUnknown(Refusal):
    code = "signer.issuance_unknown"
    message = N_("数据库中没有签发意图 {issuance}。请从申请单重新发起签发。")


class IssuanceForged(Refusal):
    code = "signer.issuance_forged"
    message = N_("签发意图 {issuance} 的记录被系统以外的途径改动过，已拒绝签发。请立即报告安全管理员。")


class IssuanceVoid(Refusal):
    code = "signer.issuance_void"
    message = N_("签发意图 {issuance} 已作废，不能签发。")


class IntentChanged(Refusal):
    code = "signer.intent_changed"
    message = N_("签发意图 {issuance} 在签发日志中已有内容不同的证书。请运行 banyan ca reconcile 核对数据库与日志。")


class RequestUnknown(Refusal):
    code = "signer.request_unknown"
    message = N_("签发意图 {issuance} 所属的申请单不存在，已拒绝签发。")


class RequestNotOpen(Refusal):
    code = "signer.request_not_open"
    message = N_("签发意图 {issuance} 所属的申请单不在办理中（{state}），已拒绝签发。")


class RequestChanged(Refusal):
    code = "signer.request_changed"
    message = N_("签发意图 {issuance} 与申请单现在的内容不一致（{field}）。请重新审核、校对后再签发。")


class ApprovalMissing(Refusal):
    code = "signer.approval_missing"
    message = N_("签发意图 {issuance} 没有审核记录，已拒绝签发。请先完成审核。")


class ApprovalForged(Refusal):
    code = "signer.approval_forged"
    message = N_("签发意图 {issuance} 的审核记录被系统以外的途径改动过，已拒绝签发。请立即报告安全管理员。")


class NotApproved(Refusal):
    code = "signer.not_approved"
    message = N_("签发意图 {issuance} 的审核结论不是同意，已拒绝签发。")


class ApprovalOfOtherMaterials(Refusal):
    code = "signer.approval_of_other_materials"
    message = N_("签发意图 {issuance} 的审核针对的不是现有材料。请重新审核。")


class ApprovalOfAnother(Refusal):
    code = "signer.approval_of_another"
    message = N_("签发意图 {issuance} 的审核针对的不是现在的申请对象。请重新审核。")


class ProofreadingMissing(Refusal):
    code = "signer.proofreading_missing"
    message = N_("签发意图 {issuance} 没有校对记录，已拒绝签发。请先完成校对。")


class ProofreadingForged(Refusal):
    code = "signer.proofreading_forged"
    message = N_("签发意图 {issuance} 的校对记录被系统以外的途径改动过，已拒绝签发。请立即报告安全管理员。")


class ProofreadingOfOtherData(Refusal):
    code = "signer.proofreading_of_other_data"
    message = N_("签发意图 {issuance} 的校对针对的不是现有数据。请重新校对。")


class OtherThanProofread(Refusal):
    code = "signer.other_than_proofread"
    message = N_("签发意图 {issuance} 要写入证书的内容与校对过的不同，已拒绝签发。请重新校对。")


class SamePerson(Refusal):
    code = "signer.same_person"
    message = N_("签发意图 {issuance} 的录入、校对、审核不是三个不同的人，已拒绝签发。请换人办理。")


class AuthorityUnknown(Refusal):
    code = "signer.authority_unknown"
    message = N_("签发意图 {issuance} 指定的 CA {ca} 不在签名进程中。请核对签发系统的配置。")


class AuthoritySuperseded(Refusal):
    code = "signer.authority_superseded"
    message = N_("签发意图 {issuance} 指定的 CA {ca} 已换代，只签发吊销列表。请改用新一代 CA 重新发起签发。")


class AuthorityForged(Refusal):
    code = "signer.authority_forged"
    message = N_("签发意图 {issuance} 指定的 CA 登记记录被系统以外的途径改动过，已拒绝签发。请立即报告安全管理员。")


class ProfileNotAllowed(Refusal):
    code = "signer.profile_not_allowed"
    message = N_("CA {ca} 不得按模板 {profile} 签发，签发意图 {issuance} 已被拒绝。请核对签发系统的配置。")


class KeyNotAllowed(Refusal):
    code = "signer.key_not_allowed"
    message = N_(
        "模板 {profile} 不签发 {algorithm} 公钥的证书，签发意图 {issuance} 已被拒绝。请用模板要求的算法重新生成密钥。"
    )


class RequestMalformed(Refusal):
    code = "signer.request_malformed"
    message = N_("签发意图 {issuance} 的证书申请不能接受（{reason}）。请由介质重新生成申请。")


class PossessionNotProved(Refusal):
    code = "signer.possession_not_proved"
    message = N_("签发意图 {issuance} 的证书申请签名不成立，不能证明申请人持有私钥。请由介质重新生成申请。")


class KeyUsedBefore(Refusal):
    code = "signer.key_used_before"
    message = N_("签发意图 {issuance} 的公钥曾签发过证书。请在介质中重新生成密钥后再申请。")


class SerialUsedBefore(Refusal):
    code = "signer.serial_used_before"
    message = N_("签发意图 {issuance} 的序列号曾使用过。请作废该意图并重新发起签发。")


class SerialMissing(Refusal):
    code = "signer.serial_missing"
    message = N_("签发意图 {issuance} 没有可用的证书序列号。请作废该意图并重新发起签发。")


class EncryptionKeyMissing(Refusal):
    code = "signer.encryption_key_missing"
    message = N_("签发意图 {issuance} 缺少密钥管理中心给出的加密公钥，已拒绝签发。请重新提交。")


class ReceiptInvalid(Refusal):
    code = "signer.receipt_invalid"
    message = N_("签发意图 {issuance} 的加密公钥没有密钥管理中心的有效回执，已拒绝签发。请重新提交。")


class LintFailed(Refusal):
    code = "signer.lint_failed"
    message = N_("签发意图 {issuance} 的证书内容不合规（{rule}：{detail}），已拒绝签发。请改正申请数据后重新校对。")


class KmcRefusal(SignerError):
    """Base: the key-management centre allocates nothing for the intent ``issuance``."""

    code = "kmc.refused"
    message = N_("密钥管理中心没有为签发意图 {issuance} 分配密钥。")


class IntentMissing(KmcRefusal):
    code = "kmc.issuance_unknown"
    message = N_("数据库中没有签发意图 {issuance}，没有分配加密密钥。请从申请单重新发起签发。")


class IntentForged(KmcRefusal):
    code = "kmc.issuance_forged"
    message = N_("签发意图 {issuance} 的记录被系统以外的途径改动过，没有分配加密密钥。请立即报告安全管理员。")


class IntentCalledOff(KmcRefusal):
    code = "kmc.issuance_void"
    message = N_("签发意图 {issuance} 已作废，没有分配加密密钥。")


class NoPair(KmcRefusal):
    code = "kmc.no_pair"
    message = N_("签发意图 {issuance} 的模板 {profile} 没有加密证书，不分配加密密钥。")


class RecipientDiffers(KmcRefusal):
    code = "kmc.recipient_differs"
    message = N_(
        "签发意图 {issuance} 的加密密钥已分配给另一签名公钥，不能再次分配。"
        "请运行 banyan ca reconcile 核对后重新发起签发。"
    )


class RecipientUnfit(KmcRefusal):
    code = "kmc.recipient_unfit"
    message = N_("签发意图 {issuance} 的证书申请不能接收加密密钥（{reason}）。请由介质重新生成申请。")
