"""What became of rules: shown, seen, clicked, ordered."""

from datetime import timedelta

from ingestion.archiving import moment
from rules.performance import Performance, measure_rules
from tests.decisions.conftest import Deciding, in_segment, rule
from tests.processing.harness import HOUR

DAY = 24 * HOUR


def test_rules_are_measured_by_what_people_did_after_they_were_shown(deciding: Deciding) -> None:
    deciding.publish([rule("welcome", 5, root=in_segment("viewers")), rule("usual")])
    began = deciding.now
    deciding.send(deciding.event(anonymous_id="bob"), deciding.event(anonymous_id="bob"))
    deciding.run()
    anna, bob = deciding.decide("a:anna", "hero"), deciding.decide("a:bob", "hero")
    deciding.decide("a:anna", "hero", held={"hero": "usual"})  # the page shows it already
    for answer, name in (
        (anna, "Block Viewed"),
        (anna, "Block Viewed"),
        (anna, "Block Clicked"),
        (bob, "Block Viewed"),
    ):
        said = {"decisionId": answer.decision_id, "slot": "hero", "rule": answer.slots["hero"].rule}
        deciding.send(deciding.event(name, properties=said))
    deciding.send(deciding.event("Order Completed", at=began - 1, properties={"revenue": 5}))  # before it was shown
    deciding.now += 2 * DAY
    deciding.send(deciding.event("Order Completed", properties={"revenue": 20.5}))
    deciding.now += 6 * DAY
    deciding.send(deciding.event("Order Completed", properties={"revenue": 7}))  # too late
    deciding.work()
    until = moment(began) + timedelta(days=1)
    assert measure_rules(since=moment(began), until=until) == [
        Performance("usual", shown=1, people=1, impressions=1, clicks=1, orders=1, value=20.5),
        Performance("welcome", shown=1, people=1, impressions=1, clicks=0, orders=0, value=0.0),
    ]
    assert measure_rules(since=until, until=until + timedelta(days=1)) == []
