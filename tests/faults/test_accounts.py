"""What is sent is accepted, refused for a reason, set aside or known already: the counters say so to the last event."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestion.models import DeadLetter, Outcome
from ingestion.refusals import HARMLESS, Refused
from ingestion.steps import Definitions
from segments.membership import compile_segments
from tests.archive.living import LivingHarness
from tests.faults.sizes import SEED, sized
from tests.ingestion.doors import PARTITIONS, Doors, LogServer, clock, wait_until
from tests.ingestion.test_socket import ask, greeted
from tests.processing.harness import BROKEN, POISON

CALLS = sized(120, 3_000)  # by each door
MOST = 12  # messages of a call
SHARES = {"good": 0.55, "again": 0.1, "poison": 0.03}  # of the messages of a call; the others are refused

DEEP: Any = {}
for _ in range(9):
    DEEP = {"deeper": DEEP or 1}
WRONG: dict[Refused, dict[str, Any]] = {
    Refused.MISSING_TYPE: {"type": None},
    Refused.BAD_TYPE: {"type": "Track"},
    Refused.MISSING_EVENT: {"event": " "},
    Refused.MISSING_IDENTITY: {"type": "alias", "userId": "u1"},
    Refused.TOO_LONG_ID: {"userId": "u" * 256},
    Refused.TOO_LONG_NAME: {"event": "e" * 201},
    Refused.TOO_LARGE_EVENT: {"properties": {"text": "x" * 32_768}},
    Refused.TOO_DEEP: {"properties": DEEP},
    Refused.TOO_MANY_KEYS: {"properties": {str(number): number for number in range(257)}},
    Refused.BAD_TIMESTAMP: {"timestamp": "yesterday"},
    Refused.BAD_FIELD: {"properties": "none"},
    Refused.BAD_TEXT: {"anonymousId": "a\0b"},
    Refused.SCHEMA_MISMATCH: {"event": "Order Completed"},
    Refused.ALIAS_TO_SELF: {"type": "alias", "userId": "u1", "previousId": "u1"},
    Refused.NOT_UTF8: {"event": "marked"},  # see `write`
}
IN_BATCH = frozenset({Refused.MISSING_TYPE, Refused.BAD_TYPE, Refused.NOT_UTF8})  # else the path or the body decides
MARK = b"marked"


class Client:
    """Sends messages whose fate it knows, and remembers what it was told. `meant` counts all it has sent by their fate,
    `told` what was answered of them by reason."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        self.chance = random.Random(SEED)
        self.meant: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.to_be_told: Counter[str] = Counter()
        self._sent: list[dict[str, Any]] = []
        self._number = 0

    def draw(self, reasons: list[Refused]) -> Iterator[tuple[str, bytes]]:
        """Messages of one call, each with its fate."""
        for _ in range(self.chance.randint(1, MOST)):
            fate = self._draw_fate(reasons)
            self.meant[fate] += 1
            yield fate, self._write(fate)

    def _draw_fate(self, reasons: list[Refused]) -> str:
        fates = [*SHARES, "refused"]
        [fate] = self.chance.choices(fates, [*SHARES.values(), 1 - sum(SHARES.values())])
        if fate == "again" and not self._sent:
            return "good"
        return self.chance.choice(reasons) if fate == "refused" else fate

    def _write(self, fate: str) -> bytes:
        if fate == "again":
            return json.dumps(self.chance.choice(self._sent)).encode()
        self._number += 1
        person = f"p{self.chance.randrange(30)}"
        message = {"type": "track", "event": "Seen", "messageId": f"m{self._number}", "anonymousId": person}
        if fate == "poison":
            message["event"] = POISON
        elif fate == "good":
            self._sent.append(message)
        else:
            message |= WRONG[Refused(fate)]
        return json.dumps(message).encode().replace(MARK, b"\xff")

    def batch(self, headers: dict[str, str]) -> None:
        call = list(self.draw(list(WRONG)))
        answer = self.doors.post("/v1/batch", b'{"batch":[' + b",".join(raw for _, raw in call) + b"]}", **headers)
        wrong = [fate for fate, _ in call if fate in WRONG and fate not in HARMLESS]
        if not headers:
            assert answer.status_code == 200
            return
        assert answer.status_code == (400 if wrong else 200), answer.text
        self._hear(wrong, answer.json().get("refusals", []))

    def single(self) -> None:
        for fate, raw in self.draw([reason for reason in WRONG if reason not in IN_BATCH]):
            path = f"/v1/{json.loads(raw)['type']}"
            answer = self.doors.post(path, raw, X_Strict_Mode="1")
            wrong = [fate] if fate in WRONG and fate not in HARMLESS else []
            assert answer.status_code == (200 if not wrong else 413 if fate == Refused.TOO_LARGE_EVENT else 400)
            self._hear(wrong, [{"reason": answer.json()["code"]}] if wrong else [])

    def socket(self) -> None:
        with greeted(self.doors) as socket:
            for number in range(10):
                call = list(self.draw([reason for reason in WRONG if reason is not Refused.NOT_UTF8]))
                batch = b",".join(raw for _, raw in call).decode()
                answer = ask(socket, f'{{"type": "batch", "id": {number}, "batch": [{batch}]}}')
                self._hear([fate for fate, _ in call if fate in WRONG], answer["refused"])

    def without_consent(self) -> None:
        with greeted(self.doors, consent="denied") as socket:
            self.meant[Refused.NO_CONSENT] += 2
            answer = ask(socket, {"type": "batch", "id": 1, "batch": [{"type": "track"}, {}]})
            self._hear([Refused.NO_CONSENT] * 2, answer["refused"])

    def _hear(self, wrong: list[Any], refusals: list[dict[str, Any]]) -> None:
        self.to_be_told.update(str(reason) for reason in wrong)
        self.told.update(each["reason"] for each in refusals)


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
    wanted = Counter({str(fate): count for fate, count in client.meant.items()})
    wanted = wanted + Counter(dict.fromkeys(map(str, WHOLE), 1))
    assert client.told == client.to_be_told

    harness = LivingHarness(doors.log.client, Definitions(BROKEN, compile_segments({})), partitions=PARTITIONS)
    harness.now = clock()
    names = {"good": "accepted", "again": "duplicate", "poison": "dead"}
    ends = Counter({names.get(fate, fate): count for fate, count in wanted.items()})

    def are_settled() -> bool:
        harness.work()
        return sum(doors.log.outcomes().values()) >= ends.total()

    wait_until(are_settled, 120)
    stored: Counter[str] = Counter()
    for outcome, count in Outcome.objects.values_list("outcome", "count"):
        stored[outcome] += count
    assert stored == ends
    assert DeadLetter.objects.count() == ends["dead"]
