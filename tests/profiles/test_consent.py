"""What a person has said of consent: whichever event carries it, the newest word counts, and no wins a tie."""

from typing import Any

import pytest

from profiles.consent import MAX_PURPOSE, read_consent
from profiles.event import Event
from profiles.profile import MAX_PURPOSES, Memory, Profile, fold, pack, unpack

NOW = 1_800_000_000_000
NOBODY = Profile(id="0" * 32)


def track(name: str = "Page Viewed", *, at: int = NOW, type: str = "track", **fields: Any) -> Event:
    return Event(id="m", source="s", type=type, name=name, at=at, received=NOW, **fields)  # type: ignore[arg-type]


def prefer(at: int = NOW, **purposes: Any) -> Event:
    return track(at=at, context={"consent": {"categoryPreferences": purposes}})


def hear(*events: Event) -> dict[str, bool]:
    profile = NOBODY
    for event in events:
        profile = fold(profile, event, Memory())
    return {purpose: choice.value for purpose, choice in unpack(pack(profile)).consent.items()}


def test_any_event_may_carry_it() -> None:
    assert hear(prefer(marketing=True, email=False)) == {"marketing": True, "email": False}
    for type, name in (
        ("page", "Page Viewed"),
        ("identify", "Identified"),
        ("track", "Segment Consent Preference Updated"),
    ):
        said = {"consent": {"categoryPreferences": {"analytics": True}}}
        assert hear(track(name, type=type, context=said)) == {"analytics": True}


def test_the_newest_word_counts_and_of_one_millisecond_no() -> None:
    assert hear(prefer(email=True), prefer(NOW - 1, email=False)) == {"email": True}
    assert hear(prefer(email=False), prefer(email=True)) == hear(prefer(email=True), prefer(email=False))
    assert hear(prefer(email=False), prefer(email=True)) == {"email": False}


def test_a_purpose_that_is_not_spoken_of_stays() -> None:
    assert hear(prefer(NOW - 1, email=True, marketing=True), prefer(email=False)) == {"email": False, "marketing": True}


def test_a_clock_that_runs_ahead_does_not_outlast_what_is_said_later() -> None:
    ahead = prefer(NOW + 10**10, email=True)
    later = Event(
        id="n",
        source="s",
        type="track",
        name="Unsubscribed",
        at=NOW + 1,
        received=NOW + 1,
    )
    assert hear(ahead, later) == hear(later, ahead) == {"email": False}


@pytest.mark.parametrize(
    ("name", "agrees"),
    [("Unsubscribed", False), ("Email Marked as Spam", False), ("Subscribed", True), ("Resubscribed", True)],
)
def test_mail_programs_report_it_too(name: str, agrees: bool) -> None:
    assert read_consent(track(name)) == {"email": agrees}
    assert read_consent(track(name, properties={"list_id": "news"})) == {"news": agrees}
    assert read_consent(track(name, properties={"list_id": 7})) == {"7": agrees}
    assert read_consent(track(name, properties={"list_id": "news", "purpose": "marketing"})) == {"marketing": agrees}
    assert read_consent(track(name, type="page")) == {}


def test_a_list_that_cannot_be_meant_ends_all_mail_and_begins_none() -> None:
    for wrong in ("x" * 41, ["news"], True, 1.5):
        assert read_consent(track("Unsubscribed", properties={"list_id": wrong})) == {"email": False}
        assert read_consent(track("Subscribed", properties={"list_id": wrong})) == {}


def test_of_two_words_in_one_event_no_counts() -> None:
    said = {"consent": {"categoryPreferences": {"email": True}}}
    assert read_consent(track("Unsubscribed", context=said)) == {"email": False}
    said = {"consent": {"categoryPreferences": {"email": False}}}
    assert read_consent(track("Subscribed", context=said)) == {"email": False}


@pytest.mark.parametrize(
    "consent", [None, "granted", [], {}, {"categoryPreferences": ["email"]}, {"categoryPreferences": 1}]
)
def test_what_is_no_consent_says_nothing(consent: Any) -> None:
    assert read_consent(track(context={"consent": consent})) == {}


def test_only_true_and_false_are_words() -> None:
    assert read_consent(prefer(a="true", b=1, c=None, d=False, e=True)) == {"d": False, "e": True}


def test_it_is_bounded() -> None:
    assert read_consent(prefer(**{"": True, "x" * MAX_PURPOSE: True, "x" * (MAX_PURPOSE + 1): True})) == {
        "x" * MAX_PURPOSE: True
    }
    many = [prefer(NOW - number, **{f"p{number}": True}) for number in range(3 * MAX_PURPOSES)]
    newest = {f"p{number}": True for number in range(MAX_PURPOSES)}
    assert hear(*many) == hear(*reversed(many)) == newest
    assert len(hear(prefer(**{f"p{number}": True for number in range(500)}))) == MAX_PURPOSES
