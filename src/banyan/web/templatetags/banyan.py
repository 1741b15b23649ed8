"""What every page needs: icons, states as word + icon + colour, dates and numbers as people here write them."""

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

register = template.Library()

# state → (class, icon, word); one table for requests, certificates and tokens, since a state looks alike everywhere
STATES: dict[str, tuple[str, str, Any]] = {}


def state_table(entries: dict[str, tuple[str, str, Any]]) -> None:
    """Add the states of one kind of thing."""
    STATES.update(entries)


state_table(
    {
        "VALID": ("st-done", "circle-check", _("有效")),
        "HELD": ("st-returned", "snowflake", _("已冻结")),
        "REVOKED": ("st-revoked", "ban", _("已注销")),
        "EXPIRED": ("st-revoked", "hourglass-low", _("已过期")),
        "EXPIRING": ("st-expiring", "hourglass-low", _("将到期")),
        "OVERDUE": ("st-overdue", "clock-exclamation", _("超期")),
    }
)


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite, hidden from screen readers: the word beside it speaks."""
    href = static("vendor/icons.svg") + f"#tabler-{name}"
    return format_html('<svg class="ic {}" aria-hidden="true"><use href="{}"/></svg>', extra, href)


@register.simple_tag
def state(code: str) -> SafeString:
    """A state as word, icon and colour."""
    css, name, word = STATES.get(code, ("st-enter", "info-circle", code))
    return format_html('<span class="st {}">{}{}</span>', css, icon(name), word)


@register.filter
def moment(value: datetime | None) -> str:
    """An instant in a record: 2026-03-16 09:42, local time."""
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M") if value else "—"


@register.filter
def day(value: datetime | None) -> str:
    """A day in a record: 2026-03-16, local time."""
    return timezone.localtime(value).strftime("%Y-%m-%d") if value else "—"


@register.filter
def grouped(value: int) -> str:
    """A number with its thousands parted."""
    return f"{value:,}"


@register.filter
def serial(value: str) -> str:
    """A serial number in groups of four, so that eyes can compare it."""
    return " ".join(value[i : i + 4] for i in range(0, len(value), 4))
