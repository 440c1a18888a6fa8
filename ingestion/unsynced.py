"""What Redis has taken and may still lose: records acknowledged so lately that its file may not be on the disk yet.

A Redis that syncs once a second can lose its last seconds when it is killed or its machine loses power. Whoever stored
them here still has them, and stores them again in the order in which they came; those that were not lost are dropped
by their messageId.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

KEPT_S = 5.0  # a sync each second, that Redis waits two seconds for, and as much again
AGAIN_S = 15.0  # since the acknowledgement: until then what was stored again is kept for KEPT_S again
HELD_S = 60.0  # at most, when nothing was stored since: far less than the dedup window
MOST_BYTES = 32_000_000  # beyond it the oldest go

Logs = Mapping[int, Sequence[bytes]]  # packed records by partition


class _Stored(NamedTuple):
    first: float  # when it was acknowledged
    at: float
    logs: Logs
    size: int


class Unsynced:
    """Of one process. `clock` gives seconds that stand still for nothing, not even a suspended machine."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: deque[_Stored] = deque()
        self._owed: deque[_Stored] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._kept or self._owed)

    def keep(self, logs: Logs) -> None:
        """Redis has taken these now, and so still writes to its file: what is old enough is safe."""
        now = self._clock()
        self._keep(_Stored(now, now, logs, sum(len(record) for records in logs.values() for record in records)))

    def lose(self) -> None:
        """Redis was started anew: all that is kept is owed, the oldest first."""
        self._owed.extendleft(reversed(self._kept))
        self._kept.clear()
        self.forget_old()

    def forget_old(self) -> None:
        """What nobody will miss any more: nothing may be stored again after its dedup window."""
        oldest = self._clock() - HELD_S
        for waiting in (self._owed, self._kept):
            while waiting and waiting[0].at < oldest:
                self._size -= waiting.popleft().size

    @property
    def owed(self) -> Logs | None:
        """What is to be stored again next, all of it at once; None when nothing is."""
        return self._owed[0].logs if self._owed else None

    def pay(self) -> None:
        """What was `owed` is stored again, and may be lost again."""
        stored = self._owed.popleft()
        self._size -= stored.size
        now = self._clock()
        if stored.first >= now - AGAIN_S:
            self._keep(stored._replace(at=now))

    def _keep(self, stored: _Stored) -> None:
        self._kept.append(stored)
        self._size += stored.size
        while self._kept and (self._kept[0].at < stored.at - KEPT_S or self._size > MOST_BYTES):
            self._size -= self._kept.popleft().size
