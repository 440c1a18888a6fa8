"""What the parts of an event's way tell whoever measures them; by default nobody does. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from ingestion.log import Offset
from ingestion.refusals import Refused
from profiles.event import Record


class Way(StrEnum):
    """The door that an event came in by."""

    HTTP = "http"
    SOCKET = "socket"
    REST = "rest"
    GRAPHQL = "graphql"
    MAIL = "mail"


class Away(StrEnum):
    """Why a door could not take a call of events now, whatever is in it."""

    FULL = "full"  # 429: more comes in than is processed
    UNAVAILABLE = "unavailable"  # 503: Redis is away


class Meter(Protocol):
    """Every call returns at once and raises nothing. `at` is now in Unix milliseconds, the clock of offsets."""

    def took(self, way: Way, events: int, seconds: float) -> None:
        """A call's events are in the log; it took so long since the door had read them."""

    def refused(self, way: Way, reasons: Sequence[Refused]) -> None: ...

    def turned_away(self, way: Way, events: int, why: Away) -> None: ...

    def committed(
        self, at: int, offsets: Sequence[Offset], records: Sequence[Record | None], outcomes: Mapping[str, int]
    ) -> None:
        """A batch has been applied; `outcomes` are the counters of its commit."""

    def archived(self, at: int, offsets: Sequence[Offset]) -> None:
        """So many entries of accepted logs are in PostgreSQL."""

    def pushed(self, at: int, since: int) -> None:
        """A frame that tells of a commit of the moment `since` was written to its socket."""

    def closed(self, reason: str) -> None:
        """A socket was closed by us; `reason` is the code of its last error frame, or NOT_READING."""


NOT_READING = "not_reading"


class NoMeter:
    """Measures nothing."""

    def took(self, way: Way, events: int, seconds: float) -> None: ...
    def refused(self, way: Way, reasons: Sequence[Refused]) -> None: ...
    def turned_away(self, way: Way, events: int, why: Away) -> None: ...
    def committed(
        self, at: int, offsets: Sequence[Offset], records: Sequence[Record | None], outcomes: Mapping[str, int]
    ) -> None: ...
    def archived(self, at: int, offsets: Sequence[Offset]) -> None: ...
    def pushed(self, at: int, since: int) -> None: ...
    def closed(self, reason: str) -> None: ...


NO_METER: Meter = NoMeter()
