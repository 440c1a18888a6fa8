"""Messages whose fate is known before they are sent: good ones, repeats, poison, and some for each reason to refuse."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ingestion.refusals import Refused
from tests.faults.sizes import SEED
from tests.processing.harness import POISON

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


class Mixture:
    """Draws calls, and remembers what was told of them. `meant` counts all messages by their fate, `told` what was
    answered of them by reason, `to_be_told` what should have been."""

    def __init__(self) -> None:
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

    def hear(self, wrong: list[Any], refusals: list[dict[str, Any]]) -> None:
        """Of one call: the reasons that were meant, and what was answered."""
        self.to_be_told.update(str(reason) for reason in wrong)
        self.told.update(each["reason"] for each in refusals)

    def ends(self) -> Counter[str]:
        """How many of the messages should be counted by each outcome."""
        names = {"good": "accepted", "again": "duplicate", "poison": "dead"}
        return Counter({names.get(fate, str(fate)): count for fate, count in self.meant.items()})
