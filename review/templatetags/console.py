"""Times and numbers as the console writes them."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_UNITS = ((86_400 * 365, "y"), (86_400 * 30, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"))


def short_span(seconds: float) -> str:
    """A duration in its largest whole unit: `2 h`, `3 d`; `now` under a minute."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


@register.simple_tag
def ago(at: datetime | None, suffix: str = "") -> SafeString | str:
    """How long ago, with the exact time on hover."""
    if at is None:
        return ""
    words = short_span((timezone.now() - at).total_seconds())
    local = timezone.localtime(at)
    if suffix:
        words = "just now" if words == "now" else f"{words} {suffix}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(timespec="seconds"),
        local.strftime("%a %d %b %Y, %H:%M:%S %Z"),
        words,
    )


@register.filter
def probability(value: float | None) -> str:
    """Two decimals, never rounded up to certainty."""
    if value is None:
        return "–"
    return f"{min(max(value, 0.0), 1.0):.2f}" if not 0.995 <= value < 1 else "0.99"


@register.filter
def percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.0f} %"
