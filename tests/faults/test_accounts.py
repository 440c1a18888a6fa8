"""What is sent is accepted, refused for a reason, set aside or known already: the counters say so to the last event."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingestion.models import DeadLetter, Outcome
from ingestion.refusals import HARMLESS, Refused
from ingestion.steps import Definitions
from segments.membership import compile_segments
from tests.archive.living import LivingHarness
from tests.faults.mixture import WRONG, Mixture
from tests.faults.sizes import sized
from tests.ingestion.doors import PARTITIONS, Doors, LogServer, clock, wait_until
from tests.ingestion.test_socket import ask, greeted
from tests.processing.harness import BROKEN

CALLS = sized(120, 3_000)  # by each door
IN_BATCH = frozenset({Refused.MISSING_TYPE, Refused.BAD_TYPE, Refused.NOT_UTF8})  # else the path or the body decides


class Client(Mixture):
    """Sends messages by the doors of the SDKs and of the snippet."""

    def __init__(self, doors: Doors) -> None:
        super().__init__()
        self.doors = doors

    def batch(self, headers: dict[str, str]) -> None:
        call = list(self.draw(list(WRONG)))
        answer = self.doors.post("/v1/batch", b'{"batch":[' + b",".join(raw for _, raw in call) + b"]}", **headers)
        wrong = [fate for fate, _ in call if fate in WRONG and fate not in HARMLESS]
        if not headers:
            assert answer.status_code == 200
            return
        assert answer.status_code == (400 if wrong else 200), answer.text
        self.hear(wrong, answer.json().get("refusals", []))

    def single(self) -> None:
        for fate, raw in self.draw([reason for reason in WRONG if reason not in IN_BATCH]):
            path = f"/v1/{json.loads(raw)['type']}"
            answer = self.doors.post(path, raw, X_Strict_Mode="1")
            wrong = [fate] if fate in WRONG and fate not in HARMLESS else []
            assert answer.status_code == (200 if not wrong else 413 if fate == Refused.TOO_LARGE_EVENT else 400)
            self.hear(wrong, [{"reason": answer.json()["code"]}] if wrong else [])

    def socket(self) -> None:
        with greeted(self.doors) as socket:
            for number in range(10):
                call = list(self.draw([reason for reason in WRONG if reason is not Refused.NOT_UTF8]))
                batch = b",".join(raw for _, raw in call).decode()
                answer = ask(socket, f'{{"type": "batch", "id": {number}, "batch": [{batch}]}}')
                self.hear([fate for fate, _ in call if fate in WRONG], answer["refused"])

    def without_consent(self) -> None:
        with greeted(self.doors, consent="denied") as socket:
            self.meant[Refused.NO_CONSENT] += 2
            answer = ask(socket, {"type": "batch", "id": 1, "batch": [{"type": "track"}, {}]})
            self.hear([Refused.NO_CONSENT] * 2, answer["refused"])


# Bodies that are refused whole, each counted as one.
WHOLE: dict[Refused, Callable[[Doors], int]] = {
    Refused.BROKEN_JSON: lambda doors: doors.post("/v1/batch", b'{"batch": [').status_code,
    Refused.BAD_GZIP: lambda doors: doors.post("/v1/batch", b"\x1f\x8bbroken").status_code,
    Refused.BAD_BATCH: lambda doors: doors.post("/v1/batch", {"batch": 7}).status_code,
    Refused.TOO_LARGE_BODY: lambda doors: doors.post("/v1/batch", b" " * 600_000).status_code,
    Refused.TOO_MANY_EVENTS: lambda doors: doors.post("/v1/batch", {"batch": [{}] * 5_001}).status_code,
    Refused.UNKNOWN_KEY: lambda doors: doors.post("/v1/batch", {"batch": []}, key="NO").status_code,
    Refused.ORIGIN_REFUSED: lambda doors: (
        doors.post("/v1/batch", {"batch": []}, key="CLOSED", Origin="https://evil.example").status_code
    ),
}


def test_every_reason_is_among_them() -> None:
    assert {*WRONG, *WHOLE, Refused.NO_CONSENT} == set(Refused)


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with LogServer(tmp_path) as log, Doors(log, max_length=1_000_000) as doors:
        yield doors


@pytest.mark.django_db
def test_accepted_refused_and_dead_is_what_was_sent(doors: Doors) -> None:
    client = Client(doors)
    for number in range(CALLS):
        client.batch({} if number % 2 else {"X_Strict_Mode": "1"})
        if number % 10 == 0:
            client.socket()
            client.single()
    client.without_consent()
    for call in WHOLE.values():
        assert 400 <= call(doors) < 500
    assert client.told == client.to_be_told

    harness = LivingHarness(doors.log.client, Definitions(BROKEN, compile_segments({})), partitions=PARTITIONS)
    harness.now = clock()
    ends = client.ends() + Counter(dict.fromkeys(map(str, WHOLE), 1))

    def are_settled() -> bool:
        harness.work()
        return sum(doors.log.outcomes().values()) >= ends.total()

    wait_until(are_settled, 120)
    stored: Counter[str] = Counter()
    for outcome, count in Outcome.objects.values_list("outcome", "count"):
        stored[outcome] += count
    assert stored == ends
    assert DeadLetter.objects.count() == ends["dead"]
