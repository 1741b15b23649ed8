"""What the settings of a production installation must not say, whoever says it: file or environment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from banyan.config.settings import Settings
from banyan.kernel.errors import N_, BanyanError, fill


@dataclass(frozen=True)
class Fault:
    """One thing that a production installation must not have: a message and what fills it."""

    message: str
    fields: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return fill(self.message, dict(self.fields))


class SettingsForbidden(BanyanError):
    """A production installation is asked to work as it must not."""

    code = "config.forbidden_in_production"
    message = N_("这是生产安装，设置不许这样：{reason}（环境变量也算设置；全部检查：banyan check。）")


def faults_of_settings(settings: Settings) -> Iterator[Fault]:
    """What the settings alone have that a production installation must not have."""
    home = settings.places
    keys, data = home.keys.resolve(), home.path.resolve()
    if keys == data or data in keys.parents or keys in data.parents:
        yield Fault(N_("密钥加密密钥放在数据目录里。用 BANYAN_KEYS 把它指到另一块介质上的目录。"))
    elif keys.parent == data.parent:
        yield Fault(N_("密钥加密密钥放在数据目录旁边。用 BANYAN_KEYS 把它指到另一块介质上的目录。"))
    if settings.tls_certificate is None or settings.tls_key is None:
        yield Fault(N_("没有启用 TLS。设好 tls_certificate 和 tls_key。"))
    if settings.public_url and not settings.public_url.startswith("https://"):
        yield Fault(N_("public_url 不是 https 地址，登录链接会明文传送。改成 https://…。"))
    if settings.soft_tokens:
        yield Fault(N_("允许软介质。设 soft_tokens = false。"))


def ensure_allowed(settings: Settings) -> None:
    """Raises SettingsForbidden when this is a production installation and a setting makes it something else."""
    if settings.state != "production":
        return
    for fault in faults_of_settings(settings):
        raise SettingsForbidden(reason=str(fault))
