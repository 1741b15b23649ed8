"""Whether the parts that pages do not run in are well: signer, KMC, CAs beyond a connector, the outbox."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from banyan.adapters.deliverers import TARGET_NAMES, connected
from banyan.adapters.intake_files import scanner
from banyan.domain.ca import access as ca
from banyan.domain.outbox import access as outbox
from banyan.domain.outbox.rules import TargetState
from banyan.domain.ra import access as ra
from banyan.kernel.errors import BanyanError
from banyan.kernel.rpc import Client

_PATIENCE_S = 0.5
_EMBEDDED = "embedded"


@dataclass(frozen=True)
class Part:
    """One part: its name, a word on how it is, whether it needs a hand (or only time), or is not connected yet."""

    code: str
    name: str
    word: str
    is_well: bool
    is_waiting: bool = False
    is_off: bool = False


@dataclass(frozen=True)
class Queued:
    """Messages that wait for a target to which nothing goes, and what people do meanwhile."""

    name: str
    waiting: int
    todo: str


@dataclass(frozen=True)
class Health:
    """All parts, and the numbers behind them."""

    parts: list[Part]
    waiting_own: int
    waiting_superior: int
    dead_letters: int
    queued: list[Queued]


def health() -> Health:
    """How everything is at this moment; each part that does not answer costs half a second at most."""
    waiting = ca.waiting_for_ca()
    own = waiting.pop(_EMBEDDED, 0)
    superior = sum(waiting.values())
    targets = outbox.standings(connected())
    queued = sum(target.waiting for target in targets if target.state == TargetState.CONNECTED)
    dead = sum(target.dead for target in targets)
    parts = [
        _process("signer", _("签发")),
        _process("kmc", _("密钥管理")),
        Part("superior", _("等待 CA"), _waiting_word(own + superior), True, is_waiting=own + superior > 0),
        Part("outbox", _("外发"), _outbox_word(queued, dead), dead == 0, is_waiting=queued > 0),
        _scanner(),
        *(_halted(target) for target in targets if target.state != TargetState.CONNECTED),
    ]
    return Health(parts, own, superior, dead, [_queued(target) for target in targets if _is_halted(target)])


def _is_halted(target: outbox.TargetStanding) -> bool:
    return target.state != TargetState.CONNECTED and target.waiting > 0


def _queued(target: outbox.TargetStanding) -> Queued:
    todo = _("改用电话通知") if target.name == "sms" else _("接入或恢复后自动发出")
    return Queued(_(TARGET_NAMES.get(target.name, target.name)), target.waiting, todo)


def _halted(target: outbox.TargetStanding) -> Part:
    """A target to which nothing goes: paused by somebody, or with nothing connected to it, which alarms nobody."""
    is_off = target.state == TargetState.NOT_CONNECTED
    word = _("未接入") if is_off else _("已暂停")
    if target.waiting:
        word = _("{word}（{n} 条待发）").format(word=word, n=target.waiting)
    name = _(TARGET_NAMES.get(target.name, target.name))
    return Part(f"outbox.{target.name}", name, word, True, is_waiting=not is_off, is_off=is_off)


def _process(name: str, shown: str) -> Part:
    try:
        with Client(settings.HOME.socket(name), timeout=_PATIENCE_S) as client:
            client.call("ping")
    except BanyanError:
        return Part(name, shown, _("没有应答"), False)
    return Part(name, shown, _("正常"), True)


def _scanner() -> Part:
    """The virus scanner: not connected alarms nobody; one that is connected and silent keeps files waiting."""
    connected, held = scanner(), ra.held_count()
    name, is_well = _("病毒扫描"), connected is None or connected.is_well(_PATIENCE_S)
    word = _("未接入") if connected is None else _("正常") if is_well else _("没有应答")
    if held:
        word = _("{word}（{n} 份文件待检查）").format(word=word, n=held)
    return Part("scanner", name, word, is_well, is_waiting=held > 0, is_off=connected is None)


def _waiting_word(waiting: int) -> str:
    return _("{n} 对").format(n=waiting) if waiting else _("没有")


def _outbox_word(queued: int, dead: int) -> str:
    if dead:
        return _("{n} 条没送到").format(n=dead)
    return _("{n} 条在途").format(n=queued) if queued else _("正常")
