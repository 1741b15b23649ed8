"""Why a step of a request cannot be done. Each error says what happened and what to do next."""

from banyan.kernel.errors import N_, BanyanError


class RaError(BanyanError):
    """Base of the errors of this package."""

    code = "ra.error"


class ProcessInvalid(RaError):
    """A shipped process file is wrong: a defect, found when the product starts."""

    code = "ra.process_invalid"
    message = N_("流程定义 {file} 有误：{problem}。请修正该文件。")


class ProcessUnknown(RaError):
    """The business is not offered on that channel."""

    code = "ra.process_unknown"
    message = N_("渠道 {channel} 不办理业务 {business}。请改到受理窗口办理。")


class RequestNotFound(RaError):
    """No such request, or not within the actor's sight."""

    code = "ra.request_not_found"
    message = N_("没有找到这份申请，或它不在您的管辖范围内。")


class RequestClosed(RaError):
    """Nothing can be done on a closed request."""

    code = "ra.request_closed"
    message = N_("申请 {number} 已{state}，不能再办理。")


class StepNotDue(RaError):
    """Another step comes first."""

    code = "ra.step_not_due"
    message = N_("申请 {number} 现在应由{role}办理“{due}”，这时不能办理“{step}”。")


class IntakeClosed(RaError):
    """What was noted at intake counts until entry or approval."""

    code = "ra.intake_closed"
    message = N_(
        "申请 {number} 已录入或已审核，经办人不能在受理页更改。录入过的请在录入页更正；审核过的请撤回后重新受理。"
    )


class RequestChanged(RaError):
    """Somebody else changed the request in between."""

    code = "ra.request_changed"
    message = N_("申请 {number} 刚被他人办理过。请刷新后再试。")


class SamePerson(RaError):
    """The four-eyes rule: entered, proofread and approved by three different people."""

    code = "ra.same_person"
    message = N_("申请 {number} 的“{step}”须由另一人办理：您已经办理过它的“{before}”。请交给同事。")
    audited_refusal = True


class EntryForged(RaError):
    """The request's data are not those that were entered, or not by whom it says."""

    code = "ra.entry_forged"
    message = N_(
        "申请 {number} 的录入数据或录入人被系统以外的途径改动过，不能校对。请退回重新录入，并立即报告安全管理员。"
    )
    audited_refusal = True


class SubjectMissing(RaError):
    """A request of this kind names its holder."""

    code = "ra.subject_missing"
    message = N_("{kind}的申请需要指明{party}。请先登记后再提交申请。")


class PairNeeded(RaError):
    """The business acts on a certificate."""

    code = "ra.pair_needed"
    message = N_("这项业务需要指明证书。请先查到该证书，再发起申请。")


class RequestPending(RaError):
    """The same business is under way for this pair."""

    code = "ra.request_pending"
    message = N_("该证书已有办理中的申请 {number}。请先办完或撤回它。")


class DataMissing(RaError):
    """Data needed at entry are missing."""

    code = "ra.data_missing"
    message = N_("申请 {number} 还没有录入数据。")


class DataRefused(RaError):
    """Entered data that cannot stand in a certificate."""

    code = "ra.data_refused"
    message = N_("录入的“{field}”不合要求：{reason}。请改正后重新提交。")


class SeenOtherData(RaError):
    """What the person looked at is not what stands there now."""

    code = "ra.seen_other_data"
    message = N_("申请 {number} 的数据或材料在您查看之后有过修改。请重新打开核对。")


class ApprovalVoid(RaError):
    """The approval is not for exactly these materials and this identity."""

    code = "ra.approval_void"
    message = N_("申请 {number} 的审核对应的不是现有的材料或身份信息。请重新审核。")
    audited_refusal = True


class ProofreadingVoid(RaError):
    """The proofreading is not of exactly these data."""

    code = "ra.proofreading_void"
    message = N_("申请 {number} 的校对对应的不是现有的数据。请重新校对。")
    audited_refusal = True


class IssuanceUnderWay(RaError):
    """The certificates are being issued."""

    code = "ra.issuance_under_way"
    message = N_("申请 {number} 正在签发。请等待 CA 的结果，或先撤回签发。")


class IssuanceMissing(RaError):
    """No certificate has been issued for the request yet."""

    code = "ra.issuance_missing"
    message = N_("申请 {number} 还没有签发出证书。请先签发。")


class MaterialRefused(RaError):
    """A file that cannot be taken."""

    code = "ra.material_refused"
    message = N_("材料“{name}”不能接收：{reason}。")


class SealTaken(RaError):
    """The same seal is applied for, or certified, already."""

    code = "ra.seal_taken"
    message = N_(
        "印章唯一赋码已用于申请 {number}，该申请仍在办理或其证书仍有效。请核对赋码；确需重办的，先撤回或注销。"
    )


class MaterialUnknown(RaError):
    """A remark on a material that this request does not ask for."""

    code = "ra.material_unknown"
    message = N_("申请 {number} 不需要材料“{material}”。请刷新后重试。")


class RemarkMissing(RaError):
    """A reason that says nothing by itself."""

    code = "ra.remark_missing"
    message = N_("材料“{material}”的问题选了“其他”，还没有写明。请写明后再告知。")


class MaterialsWanting(RaError):
    """Passed at the precheck though something is missing or remarked on."""

    code = "ra.materials_wanting"
    message = N_("申请 {number} 的材料还不齐，或有材料被指出问题，不能通过。请发一次性告知。")


class NothingWanting(RaError):
    """Nothing to tell in a deficiency notice."""

    code = "ra.nothing_wanting"
    message = N_("申请 {number} 的材料齐全，也没有指出问题，不用告知。请指出哪份材料有什么问题，或改为初审通过。")


class RequesterMissing(RaError):
    """Somebody must be there to be told."""

    code = "ra.requester_missing"
    message = N_("没有填写经办人姓名。请补填。")


class FileTooLarge(MaterialRefused):
    """More than the settings allow; refused while it comes in."""

    code = "ra.file_too_large"
    message = N_("“{name}”超过 {megabytes} MB，没有接收。请把扫描分辨率降到 300 dpi，或分成几个文件。")


class FileInfected(MaterialRefused):
    """The scanner found something."""

    code = "ra.file_infected"
    message = N_("病毒扫描在“{name}”里发现 {found}，文件没有保留。请告知送交人，换一台查过毒的电脑重新扫描。")
    audited_refusal = True


class FileUnusable(RaError):
    """What a file's content is not good for; told to people with its name, as MaterialRefused."""

    code = "ra.file_unusable"
    message = N_("文件不能接收：{reason}。")


class StorageFull(RaError):
    """There is no room for a file; nothing of it was kept."""

    code = "ra.storage_full"
    message = N_("存储空间不足，“{name}”没有保存，其他数据没有改变。请联系运维清理磁盘后再上传。")


class TokenRefused(RaError):
    """The token cannot take this pair."""

    code = "ra.token_refused"
    message = N_("介质 {token} 不能用于申请 {number}：{reason}。请换一枚介质。")


class SearchTooShort(RaError):
    """Too little to search by."""

    code = "ra.search_too_short"
    message = N_("请至少输入两个字。")


class FieldUnknown(RaError):
    """The request has no such field to check."""

    code = "ra.field_unknown"
    message = N_("申请 {number} 没有这一项可核对。请刷新后重试。")


class RetypeNeeded(RaError):
    """A critical field is not confirmed by looking at it alone."""

    code = "ra.retype_needed"
    message = N_("“{field}”须照原件重新输入，不能直接确认。")


class TooManyTries(RaError):
    """A protected value is not guessed at."""

    code = "ra.too_many_tries"
    message = N_("“{field}”已复录 {n} 次都不一致。请标为有差异，退回录入。")


class NotAllChecked(RaError):
    """Some field of the data has not been checked yet, or differs."""

    code = "ra.not_all_checked"
    message = N_("申请 {number} 还有 {n} 项没有核对，或有差异。请核对完再通过。")


class NothingMarked(RaError):
    """Data are sent back for something."""

    code = "ra.nothing_marked"
    message = N_("申请 {number} 还没有标出有差异的项。请先标出差异，再退回录入。")


class ReasonMissing(RaError):
    """A decision against somebody needs its reason."""

    code = "ra.reason_missing"
    message = N_("请选择或写明原因。")


class NotTogether(RaError):
    """The request is not one of those that may be approved without being opened."""

    code = "ra.not_together"
    message = N_("申请 {number} 不能成批通过：{reason}。请打开它单独审核。")
