"""What every page needs: icons, states as word + icon + colour, dates and numbers as people here write them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from banyan.domain.parties.identity_rules import mask_phone
from banyan.web import once
from banyan.web.reading.deadlines import Deadline
from banyan.web.words import STATES, UNKNOWN_STATE

register = template.Library()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite, hidden from screen readers: the word beside it speaks."""
    href = static("vendor/icons.svg") + f"#tabler-{name}"
    css = f"ic {extra}".rstrip()
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, href)


@register.simple_tag
def state(code: str, word: str = "") -> SafeString:
    """A state as word, icon and colour; ``word`` says the same more exactly."""
    found = STATES.get(str(code))
    css, name, usual = (found.css, found.icon, found.word) if found else (UNKNOWN_STATE.css, UNKNOWN_STATE.icon, code)
    return format_html('<span class="st {}">{}{}</span>', css, icon(name), word or usual)


@register.simple_tag
def copy(text: str, what: str) -> SafeString:
    """A button that copies a value without the gaps it is shown with; the page's script uncovers it."""
    label = gettext("复制{what}").format(what=what)
    return format_html(
        '<button class="copy not-print" type="button" data-copy="{}" title="{}" hidden>{}'
        '<span class="visually-hidden">{}</span></button>',
        text, label, icon("copy", "ic-sm"), label,
    )  # fmt: skip


@register.simple_tag
def form_key() -> SafeString:
    """The key by which a form counts once; see ``web.once``."""
    return format_html('<input type="hidden" name="{}" value="{}">', once.KEY, once.new_key())


@register.simple_tag
def version(request: Any) -> SafeString:
    """The version of a request that the page shows; see ``web.once``."""
    return format_html('<input type="hidden" name="{}" value="{}">', once.VERSION, request.version)


@register.simple_tag
def key(name: str) -> SafeString:
    """A key cap on a button of the counter."""
    return format_html('<span class="kbd not-phone" aria-hidden="true">{}</span>', name)


@register.simple_tag
def due(deadline: Deadline | None) -> SafeString:
    """What is left of a deadline; red only when it is past."""
    if deadline is None:
        return SafeString("")
    css = "due due-over" if deadline.is_late else "due due-soon" if deadline.is_soon else "due"
    title = gettext("{day} 前办完").format(day=f"{deadline.on:%Y-%m-%d}")
    if deadline.is_provisional:
        title += gettext("（该年放假安排未公布，按周末推算）")
    return format_html('<span class="{}" title="{}">{}</span>', css, title, deadline.text)


@register.simple_tag
def query(base: Mapping[str, str], **changes: Any) -> str:
    """The filters of a list as the query of an address, with some changed; empty ones left out."""
    from django.utils.http import urlencode

    kept = {name: str(value) for name, value in {**base, **changes}.items() if value not in ("", None, False)}
    return f"?{urlencode(kept)}" if kept else "?"


@register.filter
def moment(value: datetime | None) -> str:
    """An instant in a record: 2026-03-16 09:42, local time."""
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M") if value else "—"


@register.filter
def clock(value: datetime | None) -> str:
    """The time of an instant of today: 09:42, local time."""
    return timezone.localtime(value).strftime("%H:%M") if value else "—"


@register.filter
def second(value: datetime | None) -> str:
    """An instant to the second, local time."""
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S") if value else "—"


@register.filter
def day(value: datetime | date | None) -> str:
    """A day in a record: 2026-03-16, local time."""
    if value is None:
        return "—"
    return (timezone.localtime(value) if isinstance(value, datetime) else value).strftime("%Y-%m-%d")


@register.filter
def percent(part: int, whole: int) -> int:
    """How much of a whole, from 0 to 100."""
    return min(100, part * 100 // whole) if whole else 0


@register.filter
def phone(value: str) -> str:
    """A telephone with its middle covered."""
    return mask_phone(value) if value else ""


@register.filter
def grouped(value: int) -> str:
    """A number with its thousands parted."""
    return f"{value:,}"


@register.filter
def serial(value: str) -> str:
    """A serial number in groups of four, so that eyes can compare it."""
    return " ".join(value[i : i + 4] for i in range(0, len(value), 4))


@register.filter
def translated(value: str) -> str:
    """A Chinese msgid of the domain in the reader's language."""
    return gettext(value) if value else ""
