"""One step of a request in words: what, by whom, with what outcome."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from banyan.domain.ra.models import StepRecord
from banyan.domain.ra.processes import Verb
from banyan.web import words
from banyan.web.reading.masking import masked

_BACK = frozenset({"deficient", "sent_back", "called_off"})
_BAD = frozenset({"rejected", "cancelled"})
_SYSTEM = 0


@dataclass(frozen=True)
class StepTold:
    """A step as a line of a time line; ``css`` and ``icon`` as in the steps component."""

    css: str
    icon: str
    what: str
    who: str
    detail: str


def told(record: StepRecord, people: Mapping[int, str]) -> StepTold:
    """A step's record in words."""
    css, icon = ("back", "arrow-back-up") if record.outcome in _BACK else ("ok", "check")
    if record.outcome in _BAD:
        css, icon = "bad", "circle-x"
    is_system = record.actor == _SYSTEM
    who = _("系统") if is_system else people.get(record.actor, record.actor_name)
    return StepTold(css, icon, words.step(record.step), who, _detail(record, is_system=is_system))


def _detail(record: StepRecord, *, is_system: bool) -> str:
    note = masked(_(record.note) if record.note else "")
    if record.outcome != "ok":
        outcome = str(words.STEP_OUTCOMES.get(record.outcome, ""))
    elif record.step == Verb.ISSUE and is_system:
        outcome = _("CA 已签发")
    elif record.step == Verb.HAND_OVER and note:
        outcome = _("领取人")
    else:
        outcome = ""
    return _("：").join(part for part in (outcome, note) if part)
