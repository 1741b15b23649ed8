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


class LinkInvalid(IamError):
    """A first log-in link is unknown, used or too old."""

    code = "iam.link_invalid"
    message = N_("登录链接无效、已使用或已超过二十四小时。请向系统管理员重新索取。")


class PasswordTooWeak(IamError):
    """A new password does not meet the rules."""

    code = "iam.password_too_weak"
    message = N_("新口令不符合要求：{reason}。")
    audited_refusal = False


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
