"""Loaders: what a query asks alike of many people is one question, shared by the calls of one moment."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from aiodataloader import DataLoader
from django.db import OperationalError, connection
from psycopg.errors import QueryCanceled

from personalization.graphql import queries
from profiles.identity import retired_key
from profiles.profile import Profile
from profiles.reader import ProfileReader
from rules.models import Decision, Grant, PointsEntry
from segments.roster import Roster, name_segments

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

THREADS = 4  # that ask PostgreSQL, each with a connection of the pool while it does
IN_FLIGHT = 2  # questions of one kind at once; calls that come meanwhile share the next one
BATCH = 200  # keys of one question, unless one call alone has more
TAKEOVERS = 10  # followed from a profile to the one that it became part of


class _Call(NamedTuple, Generic[K, V]):
    keys: list[K]
    done: "asyncio.Future[list[V]]"


class Shared(Generic[K, V]):
    """One kind of question to PostgreSQL, for one event loop. `ask` answers for each key, in their order."""

    def __init__(self, ask: Callable[[Sequence[K]], list[V]], threads: ThreadPoolExecutor) -> None:
        self._ask = ask
        self._threads = threads
        self._waiting: list[_Call[K, V]] = []
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self, keys: list[K]) -> list[V]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[V]] = loop.create_future()
        self._waiting.append(_Call(keys, done))
        if self._running < IN_FLIGHT:
            self._running += 1
            task = loop.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await done

    async def _drain(self) -> None:
        try:
            while calls := self._take():
                await self._answer(calls)
        finally:
            self._running -= 1

    def _take(self) -> list[_Call[K, V]]:
        """The calls of the next question; nobody waits for those whose caller gave up."""
        self._waiting = [call for call in self._waiting if not call.done.done()]
        taken = size = 0
        for call in self._waiting:
            if taken and size + len(call.keys) > BATCH:
                break
            taken += 1
            size += len(call.keys)
        calls, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return calls

    async def _answer(self, calls: list[_Call[K, V]]) -> None:
        keys = [key for call in calls for key in call.keys]
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._work, keys)
        except Exception as error:  # whoever waits is told, whatever went wrong
            if len(calls) > 1 and isinstance(error, OperationalError) and isinstance(error.__cause__, QueryCanceled):
                for call in calls:  # one of them asks for too much, and the others shall not suffer for it
                    await self._answer([call])
                return
            for call in calls:
                if not call.done.done():
                    call.done.set_exception(error)
            return
        start = 0
        for call in calls:
            if not call.done.done():
                call.done.set_result(found[start : start + len(call.keys)])
            start += len(call.keys)

    def _work(self, keys: Sequence[K]) -> list[V]:
        try:
            return self._ask(keys)
        finally:
            connection.close()  # back to the pool


class Archive:
    """The questions to PostgreSQL that all calls of a process share."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="graphql")
        self.events = Shared(queries.list_events, self._threads)
        self.orders = Shared(queries.list_orders, self._threads)
        self.decisions = Shared(queries.list_decisions, self._threads)
        self.grants = Shared(queries.list_grants, self._threads)
        self.points = Shared(queries.list_points, self._threads)
        self.balances = Shared(queries.sum_points, self._threads)
        self.sizes = Shared(queries.find_sizes, self._threads)

    def stop(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Loaders:
    """Those of one call: each asks for what is selected, once, and for nothing else."""

    def __init__(self, *, people: "People", archive: Archive) -> None:
        self._people = people
        self._archive = archive

    @cached_property
    def people(self) -> DataLoader[str, Profile | None]:
        """By `u:…`, `a:…`, or `p:…` for a profile's own id."""
        return DataLoader(self._people.load)

    @cached_property
    def events(self) -> DataLoader[queries.Page, queries.Listed]:
        return DataLoader(self._archive.events.load)

    @cached_property
    def orders(self) -> DataLoader[queries.Page, queries.Listed]:
        return DataLoader(self._archive.orders.load)

    @cached_property
    def decisions(self) -> DataLoader[queries.Page, list[Decision]]:
        return DataLoader(self._archive.decisions.load)

    @cached_property
    def grants(self) -> DataLoader[queries.Page, list[Grant]]:
        return DataLoader(self._archive.grants.load)

    @cached_property
    def points(self) -> DataLoader[queries.Page, list[PointsEntry]]:
        return DataLoader(self._archive.points.load)

    @cached_property
    def balances(self) -> DataLoader[str, int]:
        return DataLoader(self._archive.balances.load)

    @cached_property
    def sizes(self) -> DataLoader[tuple[str, int], queries.Size | None]:
        return DataLoader(self._archive.sizes.load)


class People:
    """Hot profiles as everybody sees them: in the segments that answer, by their slugs."""

    def __init__(self, *, reader: ProfileReader, roster: Callable[[], Roster], deadline: float) -> None:
        self._reader = reader
        self._roster = roster
        self._deadline = deadline

    async def load(self, keys: list[str]) -> list[Profile | None]:
        """Raises StoreUnavailable or TimeoutError."""
        found = await asyncio.gather(*map(self._read, keys))
        answers = self._roster().answers
        return [None if profile is None else name_segments(profile, answers) for profile in found]

    async def _read(self, key: str) -> Profile | None:
        found = await self._reader.read(key, self._deadline)
        for _ in range(TAKEOVERS):
            further = retired_key(found.profile_id)
            if found.profile is not None or not key.startswith("p:") or further == key:
                break
            key = further
            found = await self._reader.read(key, self._deadline)
        return found.profile
