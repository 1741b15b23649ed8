"""What can go wrong at a ceremony."""

from banyan.kernel.errors import N_, BanyanError


class CeremonyError(BanyanError):
    """Base of the errors of a ceremony."""

    code = "ceremony.error"


class SharesRefused(CeremonyError):
    """The custodians' shares do not give the secret that opens the root keys."""

    code = "ceremony.shares_refused"
    message = N_("托管人的份额不成立：{reason}。请核对每个词与份额的数量后重试。")


class UnattendedRefused(CeremonyError):
    """A production installation does not make a root without custodians."""

    code = "ceremony.unattended_refused"
    message = N_(
        "正式安装的根密钥须由多名托管人在场生成。"
        "请用 --custodian 给出至少 {least} 名托管人，并用 --offline 指定离线目录。"
    )


class OfflineInside(CeremonyError):
    """The offline directory lies inside the installation or beside its keys."""

    code = "ceremony.offline_inside"
    message = N_("离线目录 {path} 在安装目录或其密钥目录之内。请使用可取走的介质上的目录。")


class CeremonyHeld(CeremonyError):
    """There are CA keys already; a second ceremony would put new roots above old CAs."""

    code = "ceremony.held"
    message = N_(
        "{place} 中已有 CA 密钥，仪式只能举行一次。CA 换代请用 banyan ca rollover；"
        "若上次仪式中断且没有启用，请先移走该目录再重新举行。"
    )


class PlanRefused(CeremonyError):
    """A plan that does not hold together."""

    code = "ceremony.plan_refused"
    message = N_("密钥仪式的计划有误：{reason}。请改正后重试。")


class NothingToSucceed(CeremonyError):
    """No issuing CA of this code."""

    code = "ceremony.nothing_to_succeed"
    message = N_("没有正在签发的 CA {ca}，不能换代。请用 banyan ca list 查看 CA 代码。")


class MadeWrong(CeremonyError):
    """A certificate or signature made at the ceremony does not pass its own check."""

    code = "ceremony.made_wrong"
    message = N_("仪式中生成的 {what} 未通过检查（{finding}），已停止。请勿使用本次生成的密钥。")
