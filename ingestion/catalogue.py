"""What events look like, learnt from those that come by: names, volumes, property paths and their types. Bounded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from ingestion.archiving import clean, moment
from ingestion.queries import is_indexed_by_default
from profiles.event import Event

MAX_NAMES = 2_000  # event names in the catalogue; further ones are archived, but not listed
MAX_PATHS = 200  # property paths of one event name
MAX_PATH = 200  # characters
LOOKED_INTO = 20  # objects of one list
FRESH = timedelta(minutes=1)  # `last_seen` of a property is not written more often

TYPES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "list",
    dict: "object",
}


@dataclass
class Observed:
    """What a batch said of one event name: how many, when, and the types of each path."""

    volume: int = 0
    first: datetime = datetime.max
    last: datetime = datetime.min
    paths: dict[str, set[str]] = field(default_factory=dict)


@dataclass
class _Known:
    """What the catalogue says of a path."""

    types: frozenset[str]
    last_seen: datetime | None


def observe(events: Iterable[Event]) -> dict[str, Observed]:
    """What `events` say, by name. Pure."""
    found: dict[str, Observed] = {}
    for event in events:
        name = clean(event.name)
        seen = found.get(name)
        at = moment(min(event.at, event.received))  # a clock that is ahead says nothing about when it was seen
        if seen is None:
            seen = found[name] = Observed(first=at, last=at)
        seen.volume += 1
        seen.first, seen.last = min(seen.first, at), max(seen.last, at)
        for path, value in event.properties.items():
            _note(seen.paths, path, value)
            if isinstance(value, list):
                for item in value[:LOOKED_INTO]:
                    if isinstance(item, dict):
                        for inner, inside in item.items():
                            _note(seen.paths, f"{path}.{inner}", inside)
    return found


def _note(paths: dict[str, set[str]], path: str, value: object) -> None:
    type_ = TYPES.get(type(value))
    if type_ is None:  # null says nothing
        return
    types = paths.get(path)
    if types is not None:
        types.add(type_)
    elif len(paths) < 2 * MAX_PATHS and 0 < len(path) <= MAX_PATH and "\0" not in path:
        paths[path] = {type_}


class Catalogue:
    """Writes what was observed, remembering what the database has. After a failed transaction, make another one."""

    def __init__(self) -> None:
        self._ids: dict[str, int] | None = None
        self._known: dict[int, dict[str, _Known]] = {}

    def record(self, found: Mapping[str, Observed]) -> None:
        """Inside the caller's transaction."""
        if not found:
            return
        if self._ids is None:
            self._ids = self._read_names()
        room = MAX_NAMES - len(self._ids)
        strangers = [name for name in found if name not in self._ids]
        taken = [name for name in found if name in self._ids] + strangers[: max(room, 0)]
        self._store_names({name: found[name] for name in taken})
        self._read_paths([self._ids[name] for name in taken if self._ids[name] not in self._known])
        self._store_paths([(name, found[name]) for name in taken])

    def _read_names(self) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, id FROM ingestion_eventtype")
            return dict(cursor.fetchall())

    def _store_names(self, found: Mapping[str, Observed]) -> None:
        assert self._ids is not None
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ingestion_eventtype AS known (name, volume, first_seen, last_seen) "
                "SELECT * FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[]) "
                "ON CONFLICT (name) DO UPDATE SET volume = known.volume + excluded.volume, "
                "first_seen = LEAST(known.first_seen, excluded.first_seen), "
                "last_seen = GREATEST(known.last_seen, excluded.last_seen) RETURNING name, id",
                [
                    list(found),
                    [each.volume for each in found.values()],
                    [each.first for each in found.values()],
                    [each.last for each in found.values()],
                ],
            )
            self._ids.update(cursor.fetchall())

    def _read_paths(self, ids: list[int]) -> None:
        for id in ids:
            self._known[id] = {}
        if not ids:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT event_type_id, path, types, last_seen FROM ingestion_eventproperty "
                "WHERE event_type_id = ANY(%s)",
                [ids],
            )
            for id, path, types, last_seen in cursor.fetchall():
                self._known[id][path] = _Known(frozenset(types), last_seen)

    def _store_paths(self, found: Iterable[tuple[str, Observed]]) -> None:
        rows: list[tuple[int, str, str, bool, datetime]] = []
        assert self._ids is not None
        for name, seen in found:
            id = self._ids[name]
            paths = self._known[id]
            for path, types in seen.paths.items():
                known = paths.get(path)
                if known is None and len(paths) >= MAX_PATHS:
                    continue
                if known is not None and types <= known.types and not _is_stale(known, seen.last):
                    continue
                merged = frozenset(types) | (known.types if known else frozenset())
                paths[path] = _Known(merged, seen.last)
                rows.append((id, path, ",".join(sorted(merged)), is_indexed_by_default(name, path), seen.last))
        if not rows:
            return
        with connection.cursor() as cursor:
            # `indexed` of what is known already is the operators' to say.
            cursor.execute(
                "INSERT INTO ingestion_eventproperty AS known (event_type_id, path, types, indexed, last_seen) "
                "SELECT id, path, string_to_array(types, ','), indexed, last_seen FROM unnest(%s::bigint[], "
                "%s::text[], %s::text[], %s::bool[], %s::timestamptz[]) "
                "AS found (id, path, types, indexed, last_seen) ON CONFLICT (event_type_id, path) DO UPDATE SET "
                "types = excluded.types, last_seen = GREATEST(known.last_seen, excluded.last_seen)",
                [list(column) for column in zip(*rows, strict=True)],
            )


def _is_stale(known: _Known, at: datetime) -> bool:
    return known.last_seen is None or at - known.last_seen > FRESH
