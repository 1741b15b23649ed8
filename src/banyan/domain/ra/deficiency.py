"""What a request lacks: found at the precheck, kept with its reasons, told all at once (一次性告知, 规范 3.1.1.1-1)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from banyan.domain import bulk
from banyan.domain.prepared import new
from banyan.domain.ra.errors import MaterialUnknown, RemarkMissing
from banyan.domain.ra.models import DeficiencyItem, DeficiencyNotice, DeficiencyReason, ServiceRequest
from banyan.domain.ra.processes import RequiredMaterial, required_materials
from banyan.domain.ra.values import Remark
from banyan.kernel.actor import Actor

Found = tuple[RequiredMaterial, Remark]
_MISSING: Final = Remark(DeficiencyReason.MISSING)
_LONGEST_TEXT: Final = 200


def found(request: ServiceRequest, present: Iterable[str], remarks: Mapping[str, Remark]) -> list[Found]:
    """Everything that does not do, in the order of the checklist: what is not there, and what somebody remarked on.

    Raises MaterialUnknown, RemarkMissing.
    """
    required = required_materials(request.business, request.kind, request.channel)
    by_code = {entry.code: entry for entry in required}
    for code, remark in remarks.items():
        if code not in by_code or remark.reason not in DeficiencyReason.values:
            raise MaterialUnknown(number=request.number, material=code[:40])
        if remark.reason == DeficiencyReason.OTHER and not remark.text.strip():
            raise RemarkMissing(material=by_code[code].name)
    have = set(present)
    return [
        (entry, remarks.get(entry.code, _MISSING))
        for entry in required
        if entry.code in remarks or entry.code not in have
    ]


def keep(actor: Actor, request: ServiceRequest, items: Sequence[Found], note: str, now: datetime) -> DeficiencyNotice:
    """Keep a notice and its items; inside the precheck."""
    notice = DeficiencyNotice(request=request, actor=actor.id, actor_name=actor.name[:100], at=now, note=note[:400])
    notice.save()
    bulk.append_many(
        [
            new(
                DeficiencyItem,
                notice_id=notice.pk,
                code=entry.code,
                name=entry.name,
                reason=str(remark.reason),
                text=" ".join(remark.text.split())[:_LONGEST_TEXT],
            )
            for entry, remark in items
        ]
    )
    return notice


def line(items: Sequence[Found]) -> str:
    """The items as one line of the time line (Chinese, as it is stored): the reason only where it is not absence."""
    return "、".join(entry.name + _why(remark) for entry, remark in items)


def _why(remark: Remark) -> str:
    if remark.reason == DeficiencyReason.MISSING:
        return ""
    text = " ".join(remark.text.split())
    if remark.reason == DeficiencyReason.OTHER:
        return f"（{text}）"
    word = _WORDS[remark.reason]
    return f"（{word}：{text}）" if text else f"（{word}）"


# As stored in the record, whatever the clerk's language.
_WORDS: Final[Mapping[str, str]] = {
    DeficiencyReason.UNREADABLE: "看不清",
    DeficiencyReason.EXPIRED: "已过有效期",
    DeficiencyReason.UNSTAMPED: "没有盖章",
}
