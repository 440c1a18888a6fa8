"""How much memory a process takes more while something goes on."""

import threading
from typing import Self

from tests.faults.servers import read_memory

LOOK_S = 0.05


class Growth:
    """As a context, from its start to its end: `peak` is the most that the process had more than at first, in MiB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.start = read_memory(pid)
        self.peak = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            self.peak = max(self.peak, read_memory(self._pid) - self.start)
