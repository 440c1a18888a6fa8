"""Loaders: what a query asks alike of many people is one question, shared by the calls of one moment."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Generic, TypeVar

from aiodataloader import DataLoader
from django.db import OperationalError, connection
from psycopg.errors import QueryCanceled

from personalization.graphql import queries
from profiles.identity import retired_key
from profiles.profile import Profile
from profiles.reader import ProfileReader
from profiles.sharing import SharedTrips
from rules.models import Decision, Grant, PointsEntry
from segments.roster import Roster, name_segments

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

THREADS = 4  # that ask PostgreSQL, each with a connection of the pool while it does
PATIENCE_S = 4.5  # after which a field is answered without what it asked for
TAKEOVERS = 10  # followed from a profile to the one that it became part of


class Shared(Generic[K, V]):
    """One kind of question to PostgreSQL, for one event loop. `load` answers for each key, in their order."""

    def __init__(self, ask: Callable[[Sequence[K]], list[V]], threads: ThreadPoolExecutor) -> None:
        self._ask = ask
        self._threads = threads
        self._trips: SharedTrips[K, V] = SharedTrips(self._travel)

    async def load(self, keys: list[K]) -> list[V]:
        """Raises Django's OperationalError and the like, or TimeoutError."""
        return await asyncio.gather(*(self._trips.ask(key, PATIENCE_S) for key in keys))

    async def _travel(self, keys: Sequence[K]) -> list[V | Exception]:
        """Keys of a question that takes too long are halved: others shall not suffer for one that asks for too much."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._work, keys)
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            if len(keys) == 1:
                return [error]
            half = len(keys) // 2
            return [*await self._travel(keys[:half]), *await self._travel(keys[half:])]
        return [*found]

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
