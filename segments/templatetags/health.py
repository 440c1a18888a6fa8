"""For pages about the health of segments: durations and differences as people write them."""

from datetime import timedelta

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

from segments.progress import Progress, say_duration, say_progress

register = template.Library()


@register.filter
def lasting(milliseconds: int) -> str:
    """A duration that is measured in milliseconds."""
    return say_duration(timedelta(milliseconds=milliseconds))


@register.filter
def signed(number: int) -> str:
    return "±0" if number == 0 else f"{'+' if number > 0 else '−'}{intcomma(abs(number))}"


@register.filter
def progress_words(progress: Progress) -> str:
    return say_progress(progress)
