"""What the clients saw: the only truth that a promise can be held against."""

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

Message = dict[str, Any]


class Journal:
    """`acknowledged` was promised to be kept and applied once. A message that was sent and not answered may be stored
    or not. `answers` counts how calls ended: `200`, `503`, `no answer`, `slow`, `closed 1013`; `slowest` is the longest
    that each of these took, in seconds."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Message] = {}
        self.refused: dict[str, str] = {}
        self.sent: set[str] = set()
        self.sent_again = 0
        self.answers: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}
        self.without_retry_after = 0
        self._lock = threading.Lock()

    def note_sent(self, messages: Iterable[Message]) -> None:
        ids = {message["messageId"] for message in messages}
        with self._lock:
            self.sent_again += len(ids & self.sent)
            self.sent |= ids

    def note_acknowledged(self, messages: Iterable[Message], refused: dict[str, str] | None = None) -> None:
        """`refused` are the reasons of those that never will be stored, by messageId."""
        with self._lock:
            self.refused |= refused or {}
            self.acknowledged |= {each["messageId"]: each for each in messages if each["messageId"] not in self.refused}

    def note_answer(self, said: str, *, retry_after: bool = True, seconds: float = 0.0) -> None:
        with self._lock:
            self.answers[said] += 1
            self.slowest[said] = max(seconds, self.slowest.get(said, 0.0))
            self.without_retry_after += not retry_after

    @property
    def unanswered(self) -> set[str]:
        return self.sent - self.acknowledged.keys() - self.refused.keys()
