"""Sentences that are written in English, because they are kept or because whoever writes them knows no language: found
again by their form, and said in the reader's language."""

import re
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext


class Sentences:
    """`forms` are messages with places, `%(slug)s`; `places` says by regular expression what fits into each."""

    def __init__(self, forms: Sequence[str], places: Mapping[str, str]) -> None:
        self._forms = [(_compile(form, places), form) for form in forms]

    def find(self, text: str) -> tuple[str, dict[str, str]] | None:
        """The form in the reader's language, and what stands in its places; None of what is none of them."""
        for pattern, form in self._forms:
            if match := pattern.fullmatch(text):
                return gettext(form), match.groupdict()
        return None


def _compile(form: str, places: Mapping[str, str]) -> re.Pattern[str]:
    pattern = re.escape(form)
    for place, fits in places.items():
        pattern = pattern.replace(re.escape(f"%({place})s"), f"(?P<{place}>{fits})")
    return re.compile(pattern)
