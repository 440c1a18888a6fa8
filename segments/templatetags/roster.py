"""For pages about people: which segments somebody is in, of the keys that their profile carries."""

from collections.abc import Mapping

from django import template

from segments.queries import read_roster

register = template.Library()


@register.filter
def answering(segments: Mapping[str, object]) -> list[tuple[str, object]]:
    """(slug, since when) of those that answer, by their slugs."""
    answers = read_roster().answers
    return sorted((slug, segments[key]) for slug, key in answers.items() if key in segments)
