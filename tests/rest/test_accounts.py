"""What a back end sends is accepted, refused for a reason, set aside or known already: the counters say so."""

from collections import Counter

import pytest
from django.conf import settings

from ingestion.actions import save_event_type
from ingestion.models import DeadLetter, EventType, Outcome
from ingestion.refusals import HARMLESS
from ingestion.steps import Definitions
from personalization.wiring import clock
from profiles.clients import Client
from segments.membership import compile_segments
from tests.archive.living import LivingHarness
from tests.faults.mixture import WRONG, Mixture
from tests.faults.sizes import sized
from tests.processing.harness import BROKEN
from tests.product import wait_until
from tests.rest.conftest import Connect

CALLS = sized(60, 2_000)
WHOLE = {
    b"{": "broken_json",
    b'{"batch": 7}': "bad_batch",
    b'{"batch": [' + b"{}," * 5_000 + b"{}]}": "too_many_events",
}


@pytest.mark.django_db
def test_accepted_refused_and_dead_is_what_was_sent(connect: Connect, redis_client: Client) -> None:
    save_event_type(EventType(name="Order Completed", schema={"strict": True, "required": ["revenue"]}))
    back_end, mixture = connect("events"), Mixture()
    for _ in range(CALLS):
        call = list(mixture.draw(list(WRONG)))
        wrong = [fate for fate, _ in call if fate in WRONG and fate not in HARMLESS]
        answer = back_end.post("events", b'{"batch":[' + b",".join(raw for _, raw in call) + b"]}")
        if len(wrong) == len(call):
            assert answer.status == 422
            mixture.hear(wrong, [{"reason": code} for _, code in answer.errors])
            continue
        assert answer.status == (207 if wrong else 202), answer.body
        assert answer.body["stored"] == sum(fate not in WRONG for fate, _ in call)
        mixture.hear(wrong, [each for each in answer.items if each["outcome"] == "refused"])
    for body in WHOLE:
        assert back_end.post("events", body).status in (400, 413)
    assert mixture.told == mixture.to_be_told

    ends = mixture.ends() + Counter(WHOLE.values())
    harness = LivingHarness(redis_client, Definitions(BROKEN, compile_segments({})), partitions=settings.PZ_PARTITIONS)
    harness.now = clock()

    def count() -> Counter[str]:
        harness.work()
        return Counter(dict(Outcome.objects.values_list("outcome", "count")))

    wait_until(lambda: count().total() >= ends.total())
    assert count() == ends
    assert DeadLetter.objects.count() == ends["dead"]
