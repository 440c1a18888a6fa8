"""Waits until what has been taken in is applied, and what has been applied is archived: so that the hot side and the
archive can be compared at all."""

import time
from collections.abc import Callable

from ingestion.log import START
from ingestion.models import ArchiveOffset
from ingestion.streams import Streams, is_reached
from profiles import keys
from profiles.clients import Client
from profiles.store import ProfileStore

LOOK_S = 0.02


class NotSettled(Exception):
    """The patience is over; the message says what was waited for."""


class Settling:
    """`pause` lets seconds pass between looks at how far the others are; `patience` in seconds is for one wait. Calls
    may raise redis.RedisError and StoreUnavailable."""

    def __init__(
        self,
        client: Client,
        store: ProfileStore,
        *,
        partitions: int,
        pause: Callable[[float], object] = time.sleep,
        patience: float = 20.0,
    ) -> None:
        self._streams = Streams(client)
        self._store = store
        self._logs = {keys.log(number): number for number in range(partitions)}
        self._accepted = [keys.accepted(number) for number in range(partitions)]
        self._pause = pause
        self._patience = patience

    def await_applied(self) -> None:
        """Waits until the processors are past everything that the logs hold at this moment."""
        ends = self._streams.list_ends(list(self._logs))
        for log, end in ends.items():
            number = self._logs[log]

            def is_past(number: int = number, end: str = end) -> bool:
                return is_reached(self._store.offset(number), end)

            self._await(is_past, "the processors")

    def await_archived(self) -> None:
        """Waits until the archive knows everything that has been applied by this moment."""
        ends = self._streams.list_ends(self._accepted)

        def is_archived() -> bool:
            offsets = dict(ArchiveOffset.objects.filter(stream__in=ends).values_list("stream", "offset"))
            return all(is_reached(offsets.get(stream, START), end) for stream, end in ends.items())

        self._await(is_archived, "the archiver")

    def _await(self, holds: Callable[[], bool], whom: str) -> None:
        deadline = time.monotonic() + self._patience
        while not holds():
            if time.monotonic() > deadline:
                raise NotSettled(f"Waiting for {whom}.")
            self._pause(LOOK_S)
