"""Round trips to a store, shared by the questions of one moment: each takes along what came while one was under way."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Got = TypeVar("Got")

BATCH = 100  # questions that share a round trip
IN_FLIGHT = 2  # round trips under way at once


class SharedTrips(Generic[Asked, Got]):
    """For one event loop. `travel` answers questions in their order; what it raises is raised to all who asked."""

    def __init__(self, travel: Callable[[Sequence[Asked]], Awaitable[Sequence[Got | Exception]]]) -> None:
        self._travel = travel
        self._waiting: list[tuple[Asked, asyncio.Future[Got]]] = []
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: Asked, deadline: float) -> Got:
        """The answer, or TimeoutError after `deadline` seconds."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Got] = loop.create_future()
        self._waiting.append((question, future))
        if self._running < IN_FLIGHT:
            self._running += 1
            task = loop.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        expiry = loop.call_later(deadline, _expire, future)
        try:
            return await future
        finally:
            expiry.cancel()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._settle(batch)
        finally:
            self._running -= 1

    async def _settle(self, batch: list[tuple[Asked, "asyncio.Future[Got]"]]) -> None:
        answers: Sequence[Got | Exception]
        try:
            answers = await self._travel([question for question, _ in batch])
        except Exception as error:  # whoever waits is told, whatever went wrong
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def _expire(future: "asyncio.Future[Got]") -> None:
    if not future.done():
        future.set_exception(TimeoutError("the store did not answer before the deadline"))
