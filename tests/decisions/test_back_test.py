"""A draft asked of past decisions: it says who would have seen what, and what would have kept it back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ingestion.archiving import moment
from personalization.backtesting import cancel_back_test, hand_over_again, run_back_test, start_back_test
from rules.actions import CannotPublish
from rules.models import BackTest
from tests.decisions.conftest import SLOTS, VIEWERS, Deciding, cap, in_segment, rule
from tests.processing.harness import HOUR, MEMORY


def draft(*rules: Any, **more: Any) -> dict[str, Any]:
    blocks = {each["block"]: {"kind": "html", "source": each["slug"]} for each in rules}
    segments = [{"slug": "viewers", "name": "Viewers", "condition": VIEWERS, "kind": "condition"}]
    said = {"v": 1, "number": 0, "segments": segments, "slots": {slot: {} for slot in SLOTS}}
    return {**said, "blocks": blocks, "rules": list(rules), **more}


def run(deciding: Deciding, payload: dict[str, Any]) -> Any:
    deciding.archive()
    test = start_back_test(
        since=moment(deciding.now) - timedelta(days=30),
        until=moment(deciding.now + 1),
        by=None,
        at=timezone.now(),
        payload=payload,
    )
    run_back_test(test.pk, MEMORY)
    test.refresh_from_db()
    assert (test.state, test.error) == (BackTest.State.DONE, "")
    return test.result


@pytest.fixture
def lived(deciding: Deciding) -> Deciding:
    """Ten people are asked three times each, an hour apart; three of them have viewed two products by the second."""
    deciding.publish([rule("usual")])
    for turn in range(3):
        for number in range(10):
            if turn == 1 and number < 3:
                deciding.send(deciding.event(anonymous_id=f"p{number}"), deciding.event(anonymous_id=f"p{number}"))
                deciding.run()
            deciding.decide(f"a:p{number}", "hero")
        deciding.now += HOUR
    return deciding


def test_the_draft_as_it_was_published_changes_nothing(lived: Deciding) -> None:
    told = run(lived, draft(rule("usual")))
    assert (told["decisions"], told["people"], told["different"]) == (30, 10, {"decisions": 0, "people": 0})
    assert told["rules"]["usual"] == {
        "shown": 30,
        "was_shown": 30,
        "held": 30,
        "people": 10,
        "kept": {},
        "behind": {},
    }


def test_a_new_rule_reaches_those_who_were_in_its_segment_by_then(lived: Deciding) -> None:
    told = run(lived, draft(rule("welcome", 5, root=in_segment("viewers")), rule("usual")))
    welcome = told["rules"]["welcome"]
    assert (welcome["shown"], welcome["people"], told["different"]) == (6, 3, {"decisions": 6, "people": 3})
    assert told["turns"] == [{"slot": "hero", "from": "usual", "to": "welcome", "decisions": 6}]
    assert told["rules"]["usual"]["behind"] == {"welcome": 6}
    assert {tuple(each["slots"]["hero"]) for each in told["samples"]} == {("usual", "welcome")}


def test_a_segment_that_was_not_there_is_evaluated_as_of_each_decision(lived: Deciding) -> None:
    once = {"v": 1, "root": {"id": "o", "kind": "event", "event": "Product Viewed", "did": False}}
    segments = [{"slug": "idle", "name": "Idle", "condition": once, "kind": "condition"}]
    told = run(lived, draft(rule("wake", 5, root=in_segment("idle")), rule("usual"), segments=segments))
    assert told["rules"]["wake"]["shown"] == 24


def test_caps_are_counted_as_the_draft_would_have(lived: Deciding) -> None:
    capped = draft(rule("teaser", 5, caps=[cap(2, "campaign"), cap(15, "campaign", "everybody")]), rule("usual"))
    teaser = run(lived, capped)["rules"]["teaser"]
    assert (teaser["shown"], teaser["held"]) == (15, 30)
    assert teaser["kept"]["total_cap_reached"] + teaser["kept"]["cap_reached"] == 15


def test_it_says_how_many_codes_it_would_have_taken(lived: Deciding) -> None:
    told = run(lived, draft(rule("sale", 5, offer="ten"), rule("usual"), offers={"ten": {"kind": "code"}}))
    assert told["codes"] == {"ten": 10}


def test_of_too_many_decisions_those_of_a_share_of_people_are_asked(
    lived: Deciding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personalization.backtesting.MOST", 15)
    told = run(lived, draft(rule("teaser", 5, caps=[cap(15, "campaign", "everybody")]), rule("usual")))
    assert told["share"] == 0.5 and 0 < told["people"] < 10
    assert told["decisions"] == 3 * told["people"]
    assert 6 <= told["rules"]["teaser"]["shown"] <= 9  # half of what everybody may see


def test_a_draft_that_cannot_be_published_is_not_tried(deciding: Deciding) -> None:
    with pytest.raises(CannotPublish, match="Rule bad"):
        run(deciding, draft(rule("bad", root={"id": "x", "kind": "nonsense"})))


def test_one_that_is_cancelled_ends_and_keeps_no_result(lived: Deciding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("personalization.backtesting.AT_ONCE", 1)
    lived.archive()
    at = timezone.now()
    test = start_back_test(since=moment(0), until=moment(lived.now), by=None, at=at, payload=draft(rule("usual")))
    ask = "personalization.backtesting.Trial.ask"
    monkeypatch.setattr(ask, lambda trial, decision: cancel_back_test(test))
    run_back_test(test.pk, MEMORY)
    test.refresh_from_db()
    assert (test.state, test.result) == (BackTest.State.CANCELLED, None)
    assert not cancel_back_test(test)


def test_one_whose_task_was_lost_is_handed_over_again(lived: Deciding) -> None:
    lived.archive()
    now = timezone.now()
    for minutes in (20, 5):
        at = now - timedelta(minutes=minutes)
        start_back_test(since=moment(0), until=moment(lived.now), by=None, at=at, payload=draft(rule("usual")))
    assert hand_over_again(at=now) == 1
    assert BackTest.objects.filter(state=BackTest.State.WAITING).count() == 2
