"""What may stand in the way of a log-in by certificate on the person's own machine, and what to do about each."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Problem:
    """A code of the token agent or its library (or ``refused``, ``no_token``…), what happened, and the way on."""

    code: str
    title: Text
    steps: Sequence[Text] = ()
    is_bad: bool = False


_PLUG_IN = _("插好介质，等指示灯亮。")
_RETRY = _("点“重试”。")

PROBLEMS: Sequence[Problem] = (
    Problem(
        "AGENT_UNREACHABLE",
        _("没有连上本机的介质助手"),
        (
            _("没有安装的，请向系统管理员要安装程序并安装。"),
            _("装过的，从系统菜单启动“榕证介质助手”。"),
            _("刚装好的，关掉浏览器再打开。"),
            _RETRY,
        ),
    ),
    Problem(
        "AGENT_PERMISSION_DENIED",
        _("浏览器不允许本站访问本机的介质助手"),
        (
            _("点地址栏最左边的图标，打开“网站设置”。"),
            _("把“设备上的应用”（或“本地网络访问”）改为“允许”。"),
            _("刷新本页再登录。"),
        ),
    ),
    Problem(
        "AGENT_PERMISSION_UNANSWERED",
        _("浏览器的提问还没有回答"),
        (_("看地址栏下方，有没有“设备上的应用”的提问。"), _("选“允许”。"), _RETRY),
    ),
    Problem(
        "AGENT_INSECURE_PAGE",
        _("本页不是用 https 打开的，浏览器不让它使用介质"),
        (_("把地址开头的 http:// 改成 https:// 再打开。"), _("打不开的，请系统管理员启用 https。")),
    ),
    Problem(
        "AGENT_PAGE_POLICY",
        _("本站没有放行介质助手的端口"),
        (_("请系统管理员核对设置 agent_port。"),),
        is_bad=True,
    ),
    Problem(
        "AGENT_ORIGIN_REFUSED",
        _("介质助手不认识本站"),
        (_("核对地址栏里是不是正式网址。"), _("是的话，请系统管理员把本站加入介质助手的设置。")),
    ),
    Problem("AGENT_VERSION", _("介质助手的版本不合适"), (_("请升级介质助手。"), _("升级后刷新本页。"))),
    Problem("no_token", _("没有找到介质"), (_PLUG_IN, _("换一个 USB 口再试。"), _RETRY)),
    Problem(
        "no_certificate",
        _("介质里没有能用来登录的证书"),
        (
            _("插的是别人的或空的介质，请换成自己的。"),
            _("证书过期的，请办理更新；没有证书的，请到签发点申请。"),
            _RETRY,
        ),
    ),
    Problem("SAR_PIN_INCORRECT", _("PIN 码不对"), (_("核对大小写和数字键盘。"), _RETRY), is_bad=True),
    Problem(
        "AGENT_FIRST_PIN",
        _("介质还在用初始 PIN 码，要先换成自己的"),
        (_("点“更换 PIN 码”。"), _("在介质助手的窗口里输入初始 PIN 码，再输入新的。"), _("换好后会继续登录。")),
    ),
    Problem(
        "SAR_PIN_LOCKED",
        _("介质已锁住，没有登录"),
        (_("带上介质和证件，到签发点办理解锁。"), _("解锁后再登录。")),
        is_bad=True,
    ),
    Problem("token_gone", _("介质拔出来了"), (_PLUG_IN, _RETRY)),
    Problem("AGENT_CANCELLED", _("没有输入 PIN 码：窗口关了，或等得太久"), (_("要登录，点“重试”。"),)),
    Problem("AGENT_WINDOW", _("介质助手打不开 PIN 码窗口"), (_("重新启动介质助手。"), _("还不行，请联系系统管理员。"))),
    Problem("AGENT_BUSY", _("介质助手正忙"), (_("关掉它还开着的窗口。"), _RETRY)),
    Problem("AGENT_GONE", _("与介质助手的连接断了"), (_("重新启动介质助手。"), _RETRY)),
    Problem("expired", _("超过两分钟，这次登录作废了"), (_("重新登录。"),)),
    Problem("refused", _("没有登录"), is_bad=True),
    Problem("other", _("介质没有完成这一步"), (_("拔出介质，等几秒再插上。"), _RETRY)),
)
