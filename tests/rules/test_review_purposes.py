"""A rule whose purpose nobody has declared is warned of before it is published."""

import pytest
from django.test.utils import override_settings

from rules.definitions import BookPayload, RuleDefinition
from rules.queries import list_warnings
from rules.review_purposes import find_unknown_purposes


def book(*purposes: str) -> BookPayload:
    rules = [
        RuleDefinition(slug=f"r{number}", name="", slot="hero", priority=number, block="b", purpose=purpose)
        for number, purpose in enumerate(purposes)
    ]
    return BookPayload(v=1, number=1, rules=tuple(rules))


def test_declared_purposes_and_none_are_fine() -> None:
    assert find_unknown_purposes(book("marketing", "", "email"), ["marketing", "email"]) == []


def test_each_other_one_is_named() -> None:
    first, second = find_unknown_purposes(book("marketing", "adverts", "Email"), ["marketing", "email"])
    assert first.startswith("Rule r1 asks for consent to “adverts”, which is not among the purposes of the")
    assert second.startswith("Rule r2 asks for consent to “Email”")


@pytest.mark.django_db
@override_settings(PZ_CONSENT_PURPOSES=["adverts"])
def test_publishing_warns_of_it() -> None:
    (warning,) = list_warnings(book("marketing", "adverts"))
    assert warning.startswith("Rule r0 asks for consent to “marketing”")
