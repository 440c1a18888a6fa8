"""Definitions in force: a numbered payload announced in Redis, compiled and swapped whole by every process."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from profiles import keys
from profiles.clients import AsyncClient, Client

logger = logging.getLogger(__name__)
T = TypeVar("T")

KEPT_SECONDS = 3_600  # how long the payload of a number that is no longer in force stays


class Snapshot(Generic[T]):
    """The newest announced version of `name`. `current` is None until the first one has been seen."""

    def __init__(self, name: str, compile: Callable[[bytes], T]) -> None:
        self.name = name
        self.number: bytes | None = None
        self.current: T | None = None
        self._compile = compile

    def refresh(self, client: Client) -> None:
        """Looks once whether another version is in force, and swaps it in."""
        number = client.get(self.name)
        if number and number != self.number:
            self._swap(number, client.get(keys.snapshot(self.name, int(number))))

    async def arefresh(self, client: AsyncClient) -> None:
        """`refresh` for an event loop."""
        number = await client.get(self.name)
        if number and number != self.number:
            self._swap(number, await client.get(keys.snapshot(self.name, int(number))))

    def _swap(self, number: bytes, payload: bytes | None) -> None:
        if payload is None:
            return  # announced anew this very moment; the next look finds it
        try:
            self.current = self._compile(payload)
        except ValueError:
            logger.exception("%s %s cannot be used; the former one stays in force", self.name, number.decode())
        self.number = number


def announce(client: Client, name: str, number: int, payload: bytes) -> None:
    """Puts version `number` of `name` in force: every process swaps it in within its next look."""
    former = client.get(name)
    pipeline = client.pipeline(transaction=True)
    pipeline.set(keys.snapshot(name, number), payload)
    pipeline.set(name, number)
    if former and int(former) != number:
        pipeline.expire(keys.snapshot(name, int(former)), KEPT_SECONDS)
    pipeline.execute()
