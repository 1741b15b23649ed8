"""What can be refused to a person. Every refusal here is recorded in the audit."""

from banyan.domain.iam.right_names import RIGHTS
from banyan.kernel.errors import N_, BanyanError


class IamError(BanyanError):
    """Base of this package's errors."""

    code = "iam.error"
    message = N_("账号或权限不允许这样做。")
    audited_refusal = True


class RightMissing(IamError):
    """The actor lacks a right; people read its name, programs its code."""

    code = "iam.right_missing"
    message = N_("{actor} 没有“{right_name}”的权限。请联系安全管理员。")

    def __init__(self, *, actor: str, right: str) -> None:
        super().__init__(actor=actor, right=right, right_name=RIGHTS[right])


class LoginRefused(IamError):
    """User name or password wrong, the account not usable, or too many failures; which of them is not told."""

    code = "iam.login_refused"
    message = N_(
        "没有登录。请核对用户名和口令；连续失败后要等待一会儿才能再试，越错等得越久，最长一天。"
        "急用时请换到以前登录过的电脑，或请系统管理员重发登录链接。"
    )


class CertificateNeeded(IamError):
    """The password was right, and the account has a certificate that comes second. No session was opened.

    ``credential_id`` is the password's, for the challenge that follows (``challenges.open_challenge``).
    """

    code = "iam.certificate_needed"
    message = N_("口令正确。这个账号绑定了证书：请插入介质，再用证书登录。")
    audited_refusal = False

    def __init__(self, credential_id: int) -> None:
        super().__init__()
        self.credential_id = credential_id


class CodeNeeded(IamError):
    """The password was right, and a code of the account's authenticator comes second. No session was opened.

    ``credential_id`` is the password's.
    """

    code = "iam.code_needed"
    message = N_("口令正确。请输入身份验证器上的 6 位动态口令。")
    audited_refusal = False

    def __init__(self, credential_id: int) -> None:
        super().__init__()
        self.credential_id = credential_id


class CodeRefused(IamError):
    """The code is wrong, was used already or came too late, or the source has to wait; which of them is not told."""

    code = "iam.code_refused"
    message = N_(
        "动态口令不对，或者已经用过。请等它换成下一个再输入；一直不对，请把手机时间改为自动校准。连续失败后要等待一会儿才能再试。"
    )


class CodeEnrolled(IamError):
    """An account has one authenticator."""

    code = "iam.code_enrolled"
    message = N_("{username} 已经启用动态口令。要换手机，请系统管理员申请清除，另一位管理员确认后重新启用。")
    audited_refusal = False


class CodeNotEnrolled(IamError):
    """There is nothing to clear."""

    code = "iam.code_not_enrolled"
    message = N_("{username} 没有启用动态口令。")
    audited_refusal = False


class EnrolmentStale(IamError):
    """What is to be confirmed is not what this session was shown."""

    code = "iam.enrolment_stale"
    message = N_("这个二维码不是这次登录给出的。请重新打开这一页，扫描新的二维码。")
    audited_refusal = False


class PasswordExpired(IamError):
    """The password is older than the policy allows; only another one lets the person work."""

    code = "iam.password_expired"
    message = N_("口令已超过有效天数。请先修改口令，再继续工作。")
    audited_refusal = False


class SecondFactorDue(IamError):
    """The policy asks for a second factor that the account has not got."""

    code = "iam.second_factor_due"
    message = N_("这套系统要求两种凭据。请先启用动态口令（或请系统管理员绑定证书），再继续工作。")
    audited_refusal = False


class PolicyInvalid(IamError):
    """A value that a setting of the policy cannot have."""

    code = "iam.policy_invalid"
    message = N_("“{name}”要在 {least} 到 {most} 之间。")
    audited_refusal = False


class PolicyUnchanged(IamError):
    """Nothing would change."""

    code = "iam.policy_unchanged"
    message = N_("没有改动任何一项，不需要申请。")
    audited_refusal = False


class SessionUnknown(IamError):
    """No such session that is still open."""

    code = "iam.session_unknown"
    message = N_("这个会话已经结束。")
    audited_refusal = False


class GrantUnknown(IamError):
    """The account holds no such role any more."""

    code = "iam.grant_unknown"
    message = N_("{username} 已经没有这个角色。")
    audited_refusal = False


class PointMissing(IamError):
    """A role at an issuing point without the point, or another role with one."""

    code = "iam.point_missing"
    message = N_("“{role}”要指明签发点；其他角色不按签发点授予。")
    audited_refusal = False


class PasswordSwitchedOff(IamError):
    """Passwords open nothing in this installation."""

    code = "iam.password_switched_off"
    message = N_("这套系统只用证书登录。请插入介质，点“用证书登录”；没有证书或还没有绑定，请联系系统管理员。")


class PasswordComesFirst(IamError):
    """A certificate alone opens nothing in this installation."""

    code = "iam.password_comes_first"
    message = N_("这套系统先验口令，再验证书。请先输入用户名和口令。")
    audited_refusal = False


class OriginDiffers(IamError):
    """The page was opened under another address than the installation's own."""

    code = "iam.origin_differs"
    message = N_("证书登录只能在 {url} 上进行。请改用这个地址打开登录页。")
    audited_refusal = False


class CertificateLoginRefused(IamError):
    """The answer to a challenge does not hold; which part of it does not is told in the audit only."""

    code = "iam.certificate_login_refused"
    message = N_(
        "没有登录。一次登录要在两分钟内、在同一个浏览器里做完。请重新点“用证书登录”；还不行，请换一张证书或联系系统管理员。"
    )


class CertificateUnusable(IamError):
    """Base of refusals that are told in full: whoever gets them proved that the key is his."""

    code = "iam.certificate_unusable"
    message = N_("这张证书不能用来登录。请换一张证书。")


class CertificateUnknown(CertificateUnusable):
    """Not among the certificates that this platform issued or looks after."""

    code = "iam.certificate_unknown"
    message = N_("这张证书（序列号 {serial}）不是本平台签发或管理的证书。请换一张证书。")


class CertificateUntrusted(CertificateUnusable):
    """The way to a trusted CA does not hold."""

    code = "iam.certificate_untrusted"
    message = N_("{name} 的证书现在通不过验证，问题出在 {reason}。请换一张证书，或联系系统管理员。")


class CertificateExpired(CertificateUnusable):
    """Past its validity."""

    code = "iam.certificate_expired"
    message = N_("{name} 的证书已于 {date} 到期。请办理证书更新；更新后的证书不用重新绑定。")


class CertificateNotYetValid(CertificateUnusable):
    """Before its validity, on the server's clock."""

    code = "iam.certificate_not_yet_valid"
    message = N_("{name} 的证书从 {date} 起才有效。到期再用；如果日期不对，请联系系统管理员核对服务器时间。")


class CertificateRevoked(CertificateUnusable):
    """Revoked for good."""

    code = "iam.certificate_revoked"
    message = N_("{name} 的证书（序列号 {serial}）已于 {date} 注销。请改用换发的证书；没有的，请到签发点申请补办。")


class CertificateHeld(CertificateUnusable):
    """On hold."""

    code = "iam.certificate_held"
    message = N_("{name} 的证书自 {date} 起被冻结。要恢复使用，请到签发点办理解冻。")


class CertificateWrongUse(CertificateUnusable):
    """Not a signing certificate of a person."""

    code = "iam.certificate_wrong_use"
    message = N_("{name} 的这张证书不是个人签名证书，不能用来登录。请选个人证书里的签名证书。")


class CertificateNotBound(CertificateUnusable):
    """Good, but nobody's account."""

    code = "iam.certificate_not_bound"
    message = N_("{name} 的证书（序列号 {serial}）有效，但还没有绑定账号。请把序列号告诉系统管理员，由他申请绑定。")


class CertificateOfAnother(CertificateUnusable):
    """The certificate belongs to another account than the password."""

    code = "iam.certificate_of_another"
    message = N_("{name} 的证书不属于刚才输入口令的账号。请插入本人的介质，重新登录。")


class CertificateAccountStopped(CertificateUnusable):
    """The account that the certificate belongs to is stopped."""

    code = "iam.certificate_account_stopped"
    message = N_("{name} 的账号已停用。请联系系统管理员。")


class CertificateBoundElsewhere(IamError):
    """Somebody else's account has this certificate or its holder."""

    code = "iam.certificate_bound_elsewhere"
    message = N_("{name} 的证书已绑定账号 {username}。一个人只有一个账号；确实要换，请先解除原来的绑定。")


class CertificateNowhereBound(IamError):
    """There is nothing to unbind."""

    code = "iam.certificate_nowhere_bound"
    message = N_("账号 {username} 没有绑定证书。")
    audited_refusal = False


class NobodyCouldLogIn(IamError):
    """Passwords cannot go while an administrator's role has nobody with a certificate."""

    code = "iam.nobody_could_log_in"
    message = N_("不能这样做：{role}没有绑定了证书的在用账号，以后谁也登录不了。请先绑定证书。")


class LinkInvalid(IamError):
    """A first log-in link is unknown, used or too old."""

    code = "iam.link_invalid"
    message = N_("登录链接无效、已使用或已超过二十四小时。请向系统管理员重新索取。")


class PasswordTooWeak(IamError):
    """A new password does not meet the rules."""

    code = "iam.password_too_weak"
    message = N_("新口令不符合要求：{reason}。")
    audited_refusal = False


class PasswordTooShort(PasswordTooWeak):
    """Fewer characters than the policy asks for."""

    message = N_("口令不合要求：至少 {length} 个字符。")


class PasswordTooPlain(PasswordTooWeak):
    """Fewer kinds of characters than the policy asks for."""

    message = N_("口令不合要求：大写、小写、数字、符号四类中至少要有 {classes} 类。")


class PasswordUsedBefore(PasswordTooWeak):
    """One of the last ones."""

    message = N_("口令不合要求：不能与最近 {count} 个用过的口令相同。")


class SessionInvalid(IamError):
    """No such session, or it has ended."""

    code = "iam.session_invalid"
    message = N_("没有登录或会话已结束。请先登录（banyan login）。")
    audited_refusal = False


class AccountExists(IamError):
    """The user name is taken."""

    code = "iam.account_exists"
    message = N_("用户名 {username} 已存在。")
    audited_refusal = False


class UsernameInvalid(IamError):
    """A user name of unusable form."""

    code = "iam.username_invalid"
    message = N_("用户名须为 3 到 32 个小写字母、数字、点或连字符，以字母开头。")
    audited_refusal = False


class AccountNotFound(IamError):
    """No account of this number."""

    code = "iam.account_not_found"
    message = N_("没有这个账号。请回到人员列表重新选择。")
    audited_refusal = False


class AccountUnknown(IamError):
    """No such account."""

    code = "iam.account_unknown"
    message = N_("没有账号 {username}。")
    audited_refusal = False


class RolesExclusive(IamError):
    """Roles that nobody may hold together."""

    code = "iam.roles_exclusive"
    message = N_("{username} 已有角色“{held}”，不能再授予“{role}”：三员分离，管理员也不办理业务。")


class RegionsDiffer(IamError):
    """All roles of an account reach the same regions."""

    code = "iam.regions_differ"
    message = N_("{username} 的各个角色必须有相同的行政区划范围。请先收回原有角色。")


class GrantExists(IamError):
    """The role is already held."""

    code = "iam.grant_exists"
    message = N_("{username} 已有角色“{role}”。")
    audited_refusal = False


class AlreadyPrepared(IamError):
    """The first accounts can be made once only."""

    code = "iam.already_prepared"
    message = N_("已有账号，不能再次建立初始管理员。")


class DualControlError(IamError):
    """Base of what two-person control refuses."""

    code = "iam.dual_control"
    message = N_("双人控制拒绝了此操作。")


class SamePerson(DualControlError):
    """The second person is the first one."""

    code = "iam.same_person"
    message = N_("申请与确认必须由两个人用各自的账号、凭据和会话完成。请由另一人登录后确认。")


class DualRequestExpired(DualControlError):
    """Too late."""

    code = "iam.dual_request_expired"
    message = N_("双人控制申请 {id} 已过期，请重新申请。")


class DualRequestClosed(DualControlError):
    """Already confirmed, used or withdrawn, or of another kind or content."""

    code = "iam.dual_request_closed"
    message = N_("双人控制申请 {id} 的状态或内容不允许此操作（{state}）。")


class SessionNeeded(DualControlError):
    """Dual control counts sessions and credentials; an actor without them cannot take part."""

    code = "iam.session_needed"
    message = N_("双人控制只接受以凭据登录的人员。")


class SecondPersonNeeded(DualControlError):
    """What was asked for needs a confirmed request of two people."""

    code = "iam.second_person_needed"
    message = N_("此操作需要第二人确认。请先提出双人控制申请，由另一位管理员确认后再执行。")


class DualRequestUnknown(DualControlError):
    """No such request."""

    code = "iam.dual_request_unknown"
    message = N_("没有编号为 {id} 的双人控制申请。")


class SampleOnly(IamError):
    """Something that only a sample may do."""

    code = "iam.sample_only"
    message = N_("只有样例安装可以这样做。生产安装请由系统管理员发放链接，另一位管理员确认。")
    audited_refusal = True


class InstallationDiffers(IamError):
    """The database belongs to another installation than the record beside the keys."""

    code = "iam.installation_differs"
    message = N_("数据库里登记的不是这套安装（{state}）。请核对 database 设置，或从备份恢复数据库和密钥目录。")
