"""Reads of sources, catalogue and counters."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import msgspec
from django.db.models import QuerySet, Sum

from ingestion.directory import Directory
from ingestion.directory import OAuthClient as AllowedClient
from ingestion.directory import SecretKey as AllowedKey
from ingestion.directory import Source as AllowedSource
from ingestion.ecommerce import INDEXED, OTHERWISE
from ingestion.models import EventProperty, EventType, OAuthClient, Outcome, PublishedDirectory, SecretKey, Source
from ingestion.parse_schema import read_schema
from ingestion.refusals import Refused
from profiles.organisation import find_saved


def build_directory(number: int = 0) -> Directory:
    """The directory that the tables describe now. What the catalogue says of an event goes before the defaults."""
    saved = find_saved()
    return Directory(
        number=number,
        sources={source.write_key: _allow(source) for source in Source.objects.filter(off=None).order_by("slug")},
        secret_keys={
            key.sha256: AllowedKey(
                source=key.source.slug,
                scopes=tuple(key.scopes),
                id=key.pk,
                expires=None if key.expires is None else int(key.expires.timestamp() * 1000),
            )
            for key in SecretKey.objects.filter(revoked=None, source__off=None).select_related("source").order_by("pk")
        },
        clients={
            client.application.client_id: AllowedClient(
                source=client.source.slug, scopes=tuple(client.scopes), id=client.pk
            )
            for client in OAuthClient.objects.filter(source__off=None)
            .select_related("source", "application")
            .order_by("pk")
        },
        indexed=find_indexed(),
        schemas={
            event_type.name: read_schema(event_type.schema)
            for event_type in EventType.objects.exclude(schema=None).order_by("name")
        },
        default_indexed=OTHERWISE,
        private=find_private(),
        retention_days=None if saved is None else saved.retention_days,
    )


def list_newly_indexed(before: Any, after: Any) -> dict[str, list[str]]:
    """By event, the property paths that one stored directory remembers and the one before it did not."""
    otherwise = before.get("default_indexed", ())
    fresh = {
        name: [path for path in paths if path not in before.get("indexed", {}).get(name, otherwise)]
        for name, paths in after.get("indexed", {}).items()
    }
    return {name: paths for name, paths in fresh.items() if paths}


def find_indexed() -> dict[str, tuple[str, ...]]:
    """The indexed property paths of every event that the catalogue or the defaults know."""
    chosen: dict[str, dict[str, bool]] = defaultdict(dict)
    known = EventProperty.objects.select_related("event_type").order_by("event_type__name", "path")
    for found in known:
        chosen[found.event_type.name][found.path] = found.indexed
    names = sorted({*INDEXED, *chosen})
    return {name: _merge(INDEXED.get(name, OTHERWISE), chosen[name]) for name in names}


def find_private() -> dict[str, tuple[str, ...]]:
    """The private property paths of every event that has any."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = EventProperty.objects.filter(private=True).order_by("event_type__name", "path")
    for name, path in rows.values_list("event_type__name", "path"):
        found[name].append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def list_indexed(event_name: str) -> tuple[str, ...]:
    """The indexed property paths of one event."""
    chosen = EventProperty.objects.filter(event_type__name=event_name).order_by("path").values_list("path", "indexed")
    return _merge(INDEXED.get(event_name, OTHERWISE), dict(chosen))


def is_indexed_by_default(event_name: str, path: str) -> bool:
    """What a property that is seen for the first time starts with."""
    return path in INDEXED.get(event_name, OTHERWISE)


def newest_directory() -> tuple[int, Any] | None:
    """Number and payload of the directory in force, None before the first."""
    newest = PublishedDirectory.objects.order_by("-pk").first()
    return None if newest is None else (newest.pk, newest.payload)


def count_outcomes(source: str, *, today: date, days: int) -> list[tuple[str, int]]:
    """What became of the events of a source in the last `days` days, the most frequent first."""
    return _add_up(Outcome.objects.filter(source=source, day__gt=today - timedelta(days=days)))


def count_day(sources: Collection[str], *, day: date) -> dict[str, list[tuple[str, int]]]:
    """What became of one day's events of each source, the most frequent first."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    rows = Outcome.objects.filter(day=day, source__in=sources).order_by("-count", "outcome")
    for source, outcome, count in rows.values_list("source", "outcome", "count"):
        found[source].append((outcome, count))
    return found


def count_refusals(*, today: date, days: int) -> list[tuple[str, int]]:
    """Refused events per reason in the last `days` days, the most frequent first."""
    return _add_up(Outcome.objects.filter(outcome__in=list(Refused), day__gt=today - timedelta(days=days)))


def count_refusals_by_day(*, today: date, days: int) -> list[tuple[date, str, int]]:
    """Refused events per day and reason in the last `days` days, the oldest day first."""
    refused = Outcome.objects.filter(outcome__in=list(Refused), day__gt=today - timedelta(days=days))
    rows = refused.values("day", "outcome").annotate(total=Sum("count")).order_by("day", "outcome")
    return [(row["day"], row["outcome"], row["total"]) for row in rows]


def _add_up(outcomes: QuerySet[Outcome]) -> list[tuple[str, int]]:
    return list(outcomes.values_list("outcome").annotate(total=Sum("count")).order_by("-total", "outcome"))


def _merge(default: tuple[str, ...], chosen: dict[str, bool]) -> tuple[str, ...]:
    kept = [path for path in default if chosen.get(path, True)]
    return tuple(dict.fromkeys([*kept, *(path for path, indexed in chosen.items() if indexed)]))


def _allow(source: Source) -> AllowedSource:
    return AllowedSource(
        slug=source.slug,
        name=source.name,
        write_key=source.write_key,
        origins=tuple(source.origins),
        debug=source.debug,
        strict=source.strict,
    )


def to_json(directory: Directory) -> Any:
    """The directory as plain JSON types, without its number: equal for equal directories."""
    return msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(directory, number=0)))
