"""People who do things, message by message, over several connections and doors at once, until all is acknowledged."""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from tests.faults.doors import Batch, Door, Single, Socket
from tests.faults.journal import Journal, Message
from tests.product import wait_until

NAME = "Parcel Scanned"
PAUSE_S = 0.1  # after a call that was not acknowledged
DOORS: tuple[Callable[[str, str, Journal], Door], ...] = (Batch, Socket, Single)


@dataclass
class Traffic:
    """`people` times `each` events, with `connections` at once. Each person is served by one connection, so that their
    events are sent in order; `value` of an event is its number in that order. A share of `twice` of the calls is
    repeated though it was answered. Start it as a context; leaving waits until everything is acknowledged."""

    url: str
    write_key: str
    seed: int
    people: int
    each: int
    connections: int = 4
    call: int = 25  # messages at most
    twice: float = 0.1
    doors: Sequence[Callable[[str, str, Journal], Door]] = DOORS
    pause: float = 0.0  # seconds between the calls of a connection
    lasts: float = math.inf  # seconds, after which nothing new is sent
    filler: int = 0  # bytes that each event carries for nothing
    patience: float = 120.0  # for one call to be acknowledged, however often it is sent
    round: int = 0  # of several with the same seed, each with people of its own
    journal: Journal = field(default_factory=Journal)
    _until: float = math.inf
    _stop: threading.Event = field(default_factory=threading.Event)
    _running: list[Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.story = f"faults-{self.seed}-{self.round}-{uuid4().hex[:6]}"  # a product is asked more than once
        self._pool = ThreadPoolExecutor(self.connections)

    @property
    def total(self) -> int:
        return self.people * self.each

    @property
    def done(self) -> float:
        """The share that was acknowledged."""
        return len(self.journal.acknowledged) / self.total

    def wait_until_done(self, share: float) -> None:
        """Returns once so much was acknowledged, or everything was."""
        wait_until(lambda: self.done >= share or self.is_over, self.patience)

    @property
    def is_over(self) -> bool:
        return all(each.done() for each in self._running)

    def names(self) -> list[str]:
        return [f"{self.story}:{number}" for number in range(self.people)]

    def __enter__(self) -> Self:
        self._until = time.monotonic() + self.lasts
        self._running = [self._pool.submit(self._run, number) for number in range(self.connections)]
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is not None:
            self._stop.set()
        self._pool.shutdown(wait=True)
        if kind is None:
            for each in self._running:
                each.result()

    def _run(self, connection: int) -> None:
        chance = random.Random(f"{self.seed} {self.round} {connection}")
        doors = [make(self.url, self.write_key, self.journal) for make in self.doors]
        try:
            for call in self._calls(connection, chance):
                fitting = [door for door in doors if len(call) <= door.most] or doors
                for _ in range(2 if chance.random() < self.twice else 1):
                    self._send(chance.choice(fitting), call)
                time.sleep(self.pause)
        finally:
            for door in doors:
                door.close()

    def _send(self, door: Door, call: Sequence[Message]) -> None:
        deadline = time.monotonic() + self.patience
        while not door.send(call):
            if self._stop.wait(PAUSE_S):
                raise InterruptedError
            assert time.monotonic() < deadline, f"not acknowledged within {self.patience} s: {call[0]['messageId']}"

    def _calls(self, connection: int, chance: random.Random) -> Iterator[list[Message]]:
        """The events of this connection's people side by side: everybody's first, everybody's second…"""
        mine = self.names()[connection :: self.connections]
        waiting: list[Message] = []
        size = chance.randint(1, self.call)
        for number in range(self.each):
            for person in mine:
                if time.monotonic() > self._until:
                    return
                waiting.append(make_message(person, number))
                if self.filler:
                    waiting[-1]["properties"]["filler"] = "x" * self.filler
                if len(waiting) >= size:
                    yield waiting
                    waiting, size = [], chance.randint(1, self.call)
        if waiting:
            yield waiting


def make_message(person: str, number: int, *, at: datetime | None = None, **more: Any) -> Message:
    return {
        "type": "track",
        "event": NAME,
        "messageId": f"{person}-{number}",
        "anonymousId": person,
        "timestamp": (at or datetime.now(UTC)).isoformat(),
        "properties": {"value": number, "number": number},
        **more,
    }
