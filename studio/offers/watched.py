"""A file that is being read, of which others can see how far that is, and can stop it."""

from typing import Any

from django.core.cache import cache

KEPT_S = 600
STEP = 500_000  # bytes between two notes
STOP = "stop"


class Stopped(Exception):
    """Somebody does not want it to be read any further."""


class WatchedFile:
    """An uploaded file; `name` is what its reading is known by."""

    def __init__(self, file: Any, name: str) -> None:
        self._file = file
        self._name = name
        self._read = 0
        self._noted = -STEP
        cache.delete(_key(name))

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._file.read(size)
        self._read += len(content)
        if self._read - self._noted >= STEP or not content:
            self._note()
        return content

    def seek(self, place: int, whence: int = 0) -> int:
        self._read = place
        return int(self._file.seek(place, whence))

    def forget(self) -> None:
        cache.delete(_key(self._name))

    def _note(self) -> None:
        if cache.get(_key(self._name)) == STOP:
            raise Stopped
        self._noted = self._read
        cache.set(_key(self._name), min(100, 100 * self._read // max(1, self._file.size)), KEPT_S)


def read_progress(name: str) -> int | None:
    """In percent; None when nothing is being read."""
    said = cache.get(_key(name))
    return said if isinstance(said, int) else None


def stop(name: str) -> None:
    cache.set(_key(name), STOP, KEPT_S)


def _key(name: str) -> str:
    return f"studio:reading:{name}"
