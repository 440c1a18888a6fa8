"""For the pages of the Studio: icons, moments, numbers, and text that somebody may not read."""

from datetime import datetime
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma, naturaltime
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from profiles.writing import write_known, write_minute, write_moment
from studio.masking import mask
from studio.notes import say_note

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """One of studio/frontend/icons.txt. With a label it speaks for itself; without, the words beside it do."""
    place = f"{static('studio/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, place)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"/></svg>', place)


@register.filter
def ago(moment: datetime | None) -> str | SafeString:
    """How long it is ago, with the exact moment for those who point at it."""
    if moment is None:
        return "–"
    exact = f"{write_moment(moment)} {timezone.localtime(moment):%Z}"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, naturaltime(moment))


@register.filter
def moment(at: datetime | None) -> str | SafeString:
    """A moment to the minute, by the organisation's clocks."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), f"{local:%H:%M:%S %Z}", write_minute(at)
    )


@register.filter
def known(text: str) -> str:
    """One of the product's own sentences, stored in English, in the reader's language."""
    return write_known(text)


@register.filter
def note(text: str) -> str:
    """What was noted at an edit, an act or a Book."""
    return say_note(text)


@register.filter
def starts_with(text: str, beginning: str) -> bool:
    return text.startswith(beginning)


@register.filter
def number(value: Any) -> str:
    """12,345, or 12.345; a dash for what is not known."""
    return "–" if value is None else intcomma(value)


@register.simple_tag(takes_context=True)
def personal(context: template.Context, value: Any) -> str:
    """A text that says who somebody is, masked for those to whom it was not granted."""
    visitor = context.get("visitor")
    text = "" if value is None else str(value)
    return text if visitor is not None and visitor.sees_personal_data else mask(text)
