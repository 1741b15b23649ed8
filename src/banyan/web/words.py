"""The words of the pages: states with icon and colour, steps, outcomes, events of the audit, uses of a key."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from banyan.domain.inventory.rules import TRANSITIONS
from banyan.domain.inventory.rules import Verb as TokenVerb
from banyan.domain.ra.processes import Verb
from banyan.domain.systems import access as systems
from banyan.domain.systems.errors import UnknownSystem


@dataclass(frozen=True)
class StateWord:
    """A state as class, icon and word; never colour alone."""

    css: str
    icon: str
    word: Any


UNKNOWN_STATE = StateWord("st-enter", "info-circle", "")

# One table for requests, certificates and tokens, since a state looks alike everywhere.
STATES: dict[str, StateWord] = {
    # a pair
    "VALID": StateWord("st-done", "circle-check", _("有效")),
    "HELD": StateWord("st-returned", "snowflake", _("已冻结")),
    "REVOKED": StateWord("st-revoked", "ban", _("已注销")),
    "EXPIRED": StateWord("st-revoked", "hourglass-low", _("已过期")),
    "EXPIRING": StateWord("st-expiring", "hourglass-low", _("将到期")),
    "NOT_YET": StateWord("st-issue", "clock", _("未生效")),
    # a request, by the step to be done
    "precheck": StateWord("st-enter", "inbox", _("待初审")),
    "approve": StateWord("st-approve", "gavel", _("待审核")),
    "enter": StateWord("st-enter", "pencil", _("待录入")),
    "proofread": StateWord("st-proof", "eye-check", _("待校对")),
    "issue": StateWord("st-issue", "certificate", _("待签发")),
    "waiting": StateWord("st-issue", "clock", _("等待 CA 签发")),
    "waiting_superior": StateWord("st-issue", "clock", _("等待上级 CA")),
    "ca_refused": StateWord("st-returned", "alert-triangle", _("CA 已拒绝")),
    "personalize": StateWord("st-issue", "device-usb", _("待制证")),
    "notify_ready": StateWord("st-deliver", "bell", _("待通知领取")),
    "hand_over": StateWord("st-deliver", "package-export", _("待领取")),
    "unlock": StateWord("st-approve", "lock", _("待解锁")),
    "revoke": StateWord("st-returned", "ban", _("待注销")),
    "DONE": StateWord("st-done", "circle-check", _("已办结")),
    "REJECTED": StateWord("st-revoked", "circle-x", _("审核未通过")),
    "CANCELLED": StateWord("st-revoked", "arrow-back-up", _("已撤回")),
    "OVERDUE": StateWord("st-overdue", "clock-exclamation", _("超期")),
    # a token
    "IN_STOCK": StateWord("st-enter", "archive", _("在库")),
    "ASSIGNED": StateWord("st-enter", "device-usb", _("已领用")),
    "PERSONALIZING": StateWord("st-issue", "device-usb", _("制证中")),
    "PERSONALIZED": StateWord("st-deliver", "device-usb", _("已制证")),
    "IN_TRANSIT": StateWord("st-deliver", "package-export", _("邮寄中")),
    "HANDED_OVER": StateWord("st-done", "circle-check", _("已交付")),
    "LOCKED": StateWord("st-returned", "lock", _("已锁定")),
    "RETURNED": StateWord("st-returned", "arrow-back-up", _("已交回")),
    "LOST": StateWord("st-revoked", "alert-triangle", _("已挂失")),
    "DAMAGED": StateWord("st-revoked", "alert-triangle", _("已损坏")),
    "DESTROYED": StateWord("st-revoked", "ban", _("已销毁")),
    # a notice
    "WAITING": StateWord("st-enter", "clock", _("待发短信")),
    "SENT": StateWord("st-done", "send", _("已发短信")),
    "TO_CALL": StateWord("st-approve", "phone", _("待电话通知")),
    "REACHED": StateWord("st-done", "phone-check", _("已电话告知")),
    "CLOSED": StateWord("st-revoked", "check", _("不再需要")),
    # a parcel
    "PARCEL_PREPARED": StateWord("st-enter", "package", _("待交寄")),
    "PARCEL_SENT": StateWord("st-deliver", "truck-delivery", _("已交邮政")),
    "PARCEL_DELIVERED": StateWord("st-done", "circle-check", _("已妥投")),
    "PARCEL_RETURNED": StateWord("st-returned", "arrow-back-up", _("已退回")),
    "PARCEL_CANCELLED": StateWord("st-revoked", "circle-x", _("已取消")),
    # an account
    "ACTIVE": StateWord("st-done", "circle-check", _("在用")),
    "NO_PASSWORD": StateWord("st-enter", "key", _("未首次登录")),
    "LOCKED_OUT": StateWord("st-returned", "lock", _("锁定中")),
    "DISABLED": StateWord("st-revoked", "ban", _("已停用")),
    # a version of a template
    "IN_FORCE": StateWord("st-done", "circle-check", _("使用中")),
    "REPLACED": StateWord("st-enter", "archive", _("已替换")),
    "WITHDRAWN": StateWord("st-revoked", "arrow-back-up", _("已撤回")),
    # a record of the audit
    "ok": StateWord("st-done", "check", _("成功")),
    "refused": StateWord("st-returned", "ban", _("被拒绝")),
    "alarm": StateWord("st-overdue", "alert-triangle", _("告警")),
    "pending": StateWord("st-enter", "clock", _("等待")),
    "rejected": StateWord("st-returned", "circle-x", _("被驳回")),
    "deficient": StateWord("st-returned", "arrow-back-up", _("材料不全")),
    # something outside
    "down": StateWord("st-overdue", "alert-triangle", _("没有应答")),
    "notice": StateWord("st-approve", "server", _("接口")),
}

# What a step's record says, where it says more than that the step was done.
STEP_OUTCOMES: dict[str, Any] = {
    "deficient": _("材料不全，已一次性告知"),
    "rejected": _("未通过"),
    "corrected": _("更正数据"),
    "sent_back": _("退回修改"),
    "submitted": _("已提交 CA"),
    "called_off": _("撤回签发"),
    "answered": _("已给出解锁应答"),
    "prepared": _("已准备介质"),
    "token_aside": _("换介质"),
    "pair_voided": _("作废证书对"),
    "materials": _("增减材料"),
    "packed": _("装入包裹"),
    "unpacked": _("从包裹取出"),
    "shipped": _("交寄 EMS"),
    "came_back": _("邮件退回"),
    "cancelled": _("撤回申请"),
    "requester": _("更改经办人"),
}

KEY_USAGES: dict[str, Any] = {
    "digitalSignature": _("数字签名"),
    "nonRepudiation": _("抗抵赖"),
    "contentCommitment": _("抗抵赖"),
    "keyEncipherment": _("密钥加密"),
    "dataEncipherment": _("数据加密"),
    "keyAgreement": _("密钥协商"),
    "keyCertSign": _("签发证书"),
    "cRLSign": _("签发 CRL"),
}

SUBJECT_PARTS: dict[str, Any] = {
    "C": _("国家"),
    "ST": _("省"),
    "L": _("市"),
    "O": _("单位"),
    "OU": _("部门"),
    "CN": _("名称"),
    "serialNumber": _("编号"),
}

EVENTS: dict[str, Any] = {
    "iam.logged_in": _("登录"),
    "iam.logged_out": _("退出登录"),
    "iam.log_in": _("登录失败"),
    "iam.log_in_by_certificate": _("证书登录失败"),
    "iam.password_accepted": _("口令正确，等待证书"),
    "iam.certificate_bound": _("绑定登录证书"),
    "iam.certificate_unbound": _("解除登录证书的绑定"),
    "iam.log_in_by_code": _("动态口令登录失败"),
    "iam.code_enrolled": _("启用动态口令"),
    "iam.code_reset": _("清除动态口令"),
    "iam.account_unlocked": _("解锁账号"),
    "iam.policy_set": _("改变安全策略"),
    "iam.policy_read": _("安全策略的记录被改动"),
    "iam.staff_login_set": _("改变登录方式"),
    "iam.staff_login_read": _("登录方式的记录被改动"),
    "iam.session_ended": _("会话被结束"),
    "iam.installation_registered": _("登记安装的用途"),
    "iam.account_opened": _("开立账号"),
    "iam.account_enabled": _("启用账号"),
    "iam.account_disabled": _("停用账号"),
    "iam.account_locked": _("连续登录失败，暂不受理"),
    "iam.link_issued": _("发放首次登录链接"),
    "iam.link_used": _("使用首次登录链接"),
    "iam.link_withdrawn": _("收回首次登录链接"),
    "iam.password_set": _("设定口令"),
    "iam.password_replaced": _("更换口令"),
    "iam.change_password": _("更换口令"),
    "iam.role_granted": _("授予角色"),
    "iam.role_ended": _("收回角色"),
    "iam.role_forged": _("角色记录被改动"),
    "iam.roles_exclusive": _("角色互斥被破坏"),
    "iam.session_read": _("会话记录被改动"),
    "iam.dual_requested": _("提出双人控制申请"),
    "iam.dual_confirmed": _("确认双人控制申请"),
    "iam.dual_used": _("执行双人控制申请"),
    "iam.dual_withdrawn": _("撤回双人控制申请"),
    "rulebook.changed": _("修改业务设置"),
    "rulebook.read": _("业务设置的记录被改动"),
    "administering.ask_for_change": _("提出修改业务设置"),
    "administering.confirm_change": _("复核业务设置"),
    "ra.due_dates_recomputed": _("按新日历重算期限"),
    "ra.open_request": _("受理申请"),
    "ra.precheck": _("初审"),
    "ra.approve": _("审核"),
    "ra.reject": _("审核未通过"),
    "ra.enter": _("录入"),
    "ra.proofread": _("校对"),
    "ra.send_back": _("退回"),
    "ra.check_field": _("核对一项"),
    "ra.others_looked_up": _("查询持有人的其他申请"),
    "ra.change_materials": _("增减材料"),
    "ra.hold_file": _("文件待病毒扫描"),
    "ra.drop_held_file": _("移出待扫描文件"),
    "ra.download_material": _("下载材料原件"),
    "ra.issue": _("签发"),
    "ra.personalize": _("制证"),
    "ra.notify_ready": _("通知领取"),
    "ra.hand_over": _("交付"),
    "ra.receipt_kept": _("收存领取表"),
    "ra.notice_sent": _("发短信通知"),
    "ra.notice_called": _("电话通知"),
    "ra.notice_resent": _("重发通知"),
    "ra.parcel_prepared": _("装包裹"),
    "ra.parcel_unpacked": _("从包裹取出"),
    "ra.parcel_sent": _("交寄 EMS"),
    "ra.parcel_delivered": _("登记妥投"),
    "ra.parcel_returned": _("登记邮件退回"),
    "ra.recipient_revealed": _("查看收件人原文"),
    "ra.requester_revealed": _("查看经办人电话原文"),
    "ra.unlock": _("解锁"),
    "ra.unlocked": _("解锁完成"),
    "ra.revoke": _("注销"),
    "ra.issuance_rejected": _("CA 拒绝签发"),
    "ra.cancel": _("撤回申请"),
    "ra.take_in": _("窗口受理"),
    "ra.change_intake": _("更改经办人"),
    "ra.look_up_holder": _("查询已有证书和在办申请"),
    "ra.cancel_issuance": _("撤回签发"),
    "ra.set_token_aside": _("换介质"),
    "ra.void_pair": _("作废证书对"),
    "ca.open_issuance": _("建立签发意图"),
    "ca.submit": _("提交 CA"),
    "ca.collect": _("向 CA 查询结果"),
    "ca.record_pair": _("登记证书"),
    "ca.record_issued": _("登记证书"),
    "ca.record_rejected": _("登记 CA 拒绝"),
    "ca.void_issuance": _("作废签发意图"),
    "ca.revoke_pair": _("注销证书"),
    "ca.hold_pair": _("冻结证书"),
    "ca.release_pair": _("解除冻结"),
    "ra.give_files": _("交出证书文件"),
    "ca.settle_status_change": _("CA 确认状态变更"),
    "ca.issue_crl": _("签发 CRL"),
    "ca.import_foreign": _("导入其他 CA 的证书"),
    "ca.register_authority": _("登记 CA"),
    "ca.retire_authority": _("CA 停止签发"),
    "ca.rollover": _("CA 换代"),
    "kmc.recover": _("申请恢复加密密钥"),
    "kmc.approve_recovery": _("批准恢复加密密钥"),
    "kmc.recovered": _("恢复加密密钥"),
    "kmc.refuse_recovery": _("驳回密钥恢复"),
    "parties.person_registered": _("登记人员"),
    "parties.persons_registered": _("登记人员"),
    "parties.person_updated": _("变更人员资料"),
    "parties.organization_registered": _("登记单位"),
    "parties.organizations_registered": _("登记单位"),
    "parties.organization_updated": _("变更单位资料"),
    "parties.device_registered": _("登记设备"),
    "parties.devices_registered": _("登记设备"),
    "parties.device_updated": _("变更设备资料"),
    "parties.person_revealed": _("查看证件号码和电话原文"),
    "parties.holdings_looked_up": _("查询已有证书"),
    "parties.regions_installed": _("装入行政区划"),
    "parties.issuing_point_opened": _("开设签发点"),
    "parties.issuing_point_updated": _("变更签发点"),
    "inventory.tokens_received": _("介质入库"),
    "inventory.stock_moved": _("调拨介质"),
    "inventory.tasks_opened": _("建立制证任务"),
    "inventory.tasks_written": _("写入介质"),
    "inventory.tasks_verified": _("核验介质"),
    "inventory.task_voided": _("作废制证任务"),
    "inventory.admin_pin_opened": _("取用管理员 PIN 解锁"),
    "inventory.admin_pins_replaced": _("更换管理员 PIN"),
    "inventory.medium_registered": _("登记介质种类"),
    "inventory.media_installed": _("装入介质种类"),
    "inventory.initial_pin_opened": _("取用初始 PIN 打印口令信封"),
    "inventory.initial_pin_forgotten": _("清除初始 PIN"),
    "inventory.initial_pin_renewed": _("更换初始 PIN"),
    "papers.print": _("打印"),
    "papers.letter_printed": _("打印口令信封"),
    "papers.pin_renewed": _("更换初始 PIN"),
    "papers.change_asked": _("提交打印模板的修改"),
    "papers.change_confirmed": _("启用打印模板的修改"),
    "papers.change_withdrawn": _("撤回打印模板的修改"),
    "systems.configured": _("系统配置"),
    "systems.installed": _("装入签发系统"),
    "systems.point_switched": _("启停签发点"),
    "outbox.resent": _("重发死信"),
    "outbox.paused": _("暂停外部接口"),
    "outbox.resumed": _("恢复外部接口"),
    "audit.checkpoint": _("签署审计检查点"),
    "audit.epoch_opened": _("开启新的审计纪元"),
    "sheets.begin_import": _("开始导入批量表"),
    "sheets.finish_import": _("完成导入批量表"),
    "content.stop_planned": _("安排停机"),
    "content.stop_called_off": _("取消停机安排"),
    "content.outage_told": _("公告服务中断"),
    "content.outage_ended": _("服务恢复"),
    "sheets.open_original": _("取用批量表原文件"),
    "lifecycle.grant_unlock": _("准予解锁"),
    "lifecycle.answer_unlock": _("应答解锁"),
}

# The short names in the registry; one that is added there shows as it stands until it has a word here.
_SYSTEMS: dict[str, Any] = {"通用": _("通用"), "信创": _("信创"), "移动": _("移动"), "印章": _("印章")}

# Groups of events for the filter of the audit: the beginning of the event's name.
EVENT_GROUPS: dict[str, Any] = {
    "iam.": _("账号与登录"),
    "ra.": _("申请办理"),
    "ca.": _("证书与 CA"),
    "kmc.": _("密钥管理"),
    "inventory.": _("介质"),
    "parties.": _("单位与人员"),
    "systems.": _("系统配置"),
    "rulebook.": _("业务设置"),
    "outbox.": _("外部接口"),
    "sheets.": _("批量导入"),
    "content.": _("公告"),
    "papers.": _("打印"),
    "audit.": _("审计自身"),
    "web.": _("页面访问被拒"),
}

OBJECT_TYPES: dict[str, Any] = {
    "ca.certificatepair": _("证书"),
    "ca.certificateauthority": "CA",
    "ca.issuance": _("签发意图"),
    "ca.crlissue": "CRL",
    "ra.servicerequest": _("申请单"),
    "iam.staffaccount": _("账号"),
    "iam.session": _("会话"),
    "iam.credential": _("登录凭据"),
    "iam.loginlink": _("登录链接"),
    "iam.stafflogin": _("登录方式"),
    "iam.rolegrant": _("角色授予"),
    "iam.securitypolicy": _("安全策略"),
    "parties.issuingpoint": _("签发点"),
    "iam.dualcontrolrequest": _("双人控制申请"),
    "rulebook.ruleversion": _("业务设置的版本"),
    "inventory.token": _("介质"),
    "inventory.personalizationtask": _("制证任务"),
    "parties.person": _("人员"),
    "parties.organization": _("单位"),
    "parties.device": _("设备"),
    "kmc.keyrecovery": _("密钥恢复"),
    "outbox.outboxmessage": _("外发消息"),
    "sheets.sheetimport": _("批量导入"),
    "content.plannedstop": _("停机安排"),
    "content.outage": _("服务中断"),
    "papers.paperversion": _("打印模板"),
    "papers.pinletter": _("口令信封"),
}


# Names in the details of a record; one without a word here shows as it stands.
DETAILS: dict[str, Any] = {
    "account": _("账号编号"),
    "added": _("增加"),
    "ca": "CA",
    "code": _("代码"),
    "connector": _("接口"),
    "copy": _("第几次"),
    "count": _("数量"),
    "created": _("新登记"),
    "document": _("设置"),
    "effective_at": _("生效时间"),
    "seen": _("看过"),
    "changed": _("改动"),
    "digest": _("摘要 SM3"),
    "entries": _("条目"),
    "fields": _("改动的项"),
    "first": _("首个编号"),
    "is_enabled": _("是否启用"),
    "kind": _("种类"),
    "last": _("末个编号"),
    "missing": _("所缺材料"),
    "name": _("名称"),
    "number": _("编号"),
    "paper": _("打印件"),
    "point": _("签发点"),
    "purpose": _("事由"),
    "reason": _("原因"),
    "region": _("地区"),
    "removed": _("移除"),
    "right": _("所需权限"),
    "role": _("角色"),
    "serial": _("序列号"),
    "service": _("服务"),
    "system": _("签发系统"),
    "systems": _("签发系统"),
    "target": _("目标"),
    "token": _("介质"),
    "token_returned": _("介质已交回"),
    "topic": _("主题"),
    "username": _("用户名"),
    "version": _("版本"),
}


def detail(name: str) -> str:
    """The name of something in a record's details."""
    return str(DETAILS.get(name, name))


def event(code: str) -> str:
    """An event of the audit in words; its code when there is no word yet."""
    if code in EVENTS:
        return str(EVENTS[code])
    package, _dot, verb = code.partition(".")
    if package == "inventory" and verb in set(TokenVerb):
        return gettext("介质{what}").format(what=gettext(TRANSITIONS[TokenVerb(verb)].name))
    return gettext("访问被拒") if code.startswith("web.") else code


def object_type(label: str) -> str:
    """What kind of thing a record is about."""
    return str(OBJECT_TYPES.get(label, label))


def step(verb: str) -> str:
    """The name of a step."""
    return gettext(Verb(verb).label) if verb in set(Verb) else verb


def system(code: str) -> str:
    """The short name of an issuing system: 通用, 信创, 移动, 印章."""
    try:
        name = systems.policy(code).short_name
    except UnknownSystem:
        return code
    return str(_SYSTEMS.get(name, name))


def key_usages(usages: Iterable[str]) -> str:
    """Uses of a key as one line."""
    return gettext("、").join(str(KEY_USAGES.get(usage, usage)) for usage in usages)
