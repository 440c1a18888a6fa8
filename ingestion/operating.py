"""What people do to sources, keys, clients and the catalogue: each act with its entry in the audit trail, in one
transaction. No entry says a key or a secret."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from ingestion import actions
from ingestion.models import EventProperty, EventType, OAuthClient, SecretKey, Source
from profiles.audit import Act, record_act

SOURCE, KEY, CLIENT, EVENT = "source", "secret_key", "oauth_client", "event"


def describe_source(source: Source) -> dict[str, Any]:
    """What the trail says of a source. Its write key is on every page of a site, and is left out all the same."""
    fields = ("name", "kind", "origins", "debug", "strict")
    return {**{field: getattr(source, field) for field in fields}, "off": source.off is not None}


@transaction.atomic
def add_source(*, slug: str, name: str, kind: str, origins: Iterable[str], by: User, at: datetime) -> Source:
    source = actions.create_source(slug=slug, name=name, kind=kind, origins=origins)
    _record(Act.MADE, SOURCE, source.slug, source.name, by, at, after=describe_source(source))
    return source


@transaction.atomic
def change_source(source: Source, *, by: User, at: datetime) -> None:
    """Stores what is said of the source now."""
    before = describe_source(Source.objects.select_for_update().get(pk=source.pk))
    actions.save_source(source)
    _record(Act.CHANGED, SOURCE, source.slug, source.name, by, at, before=before, after=describe_source(source))


@transaction.atomic
def switch_source(source: Source, *, on: bool, by: User, at: datetime) -> None:
    """Off, nothing of it is taken and nobody with its keys is answered; on, the same keys work again."""
    before = describe_source(source)
    actions.switch_source(source, off=None if on else at)
    _record(Act.CHANGED, SOURCE, source.slug, source.name, by, at, before=before, after=describe_source(source))


@transaction.atomic
def rotate_write_key(source: Source, *, by: User, at: datetime) -> None:
    actions.rotate_write_key(source)
    _record(Act.CHANGED, SOURCE, source.slug, source.name, by, at, note="Rotated the write key.")


@transaction.atomic
def remove_source(source: Source, *, by: User, at: datetime) -> None:
    before = describe_source(source)
    slug, name = source.slug, source.name
    actions.remove_source(source)
    _record(Act.REMOVED, SOURCE, slug, name, by, at, before=before)


@transaction.atomic
def add_secret_key(
    source: Source, *, name: str, scopes: Iterable[str], expires: datetime | None, by: User, at: datetime
) -> tuple[SecretKey, str]:
    """The row and the key itself, which is never to be seen again."""
    row, key = actions.create_secret_key(source, name=name, scopes=scopes, expires=expires)
    ends = None if expires is None else expires.isoformat()
    said = {"source": source.slug, "scopes": list(row.scopes), "expires": ends}
    _record(Act.MADE, KEY, str(row.pk), row.name, by, at, after=said)
    return row, key


@transaction.atomic
def end_secret_key(key: SecretKey, *, by: User, at: datetime) -> None:
    actions.revoke_secret_key(key, at=at)
    _record(Act.REVOKED, KEY, str(key.pk), key.name, by, at)


@transaction.atomic
def add_client(*, name: str, source: Source, scopes: Iterable[str], by: User, at: datetime) -> tuple[OAuthClient, str]:
    """The row and the client's secret, which is never to be seen again."""
    client, secret = actions.create_oauth_client(name=name, source=source, scopes=scopes)
    _record(Act.MADE, CLIENT, str(client.pk), name, by, at, after=_describe_client(client))
    return client, secret


@transaction.atomic
def change_client(client: OAuthClient, *, name: str, scopes: Iterable[str], by: User, at: datetime) -> None:
    before = _describe_client(client)
    actions.change_oauth_client(client, name=name, scopes=scopes)
    _record(Act.CHANGED, CLIENT, str(client.pk), name, by, at, before=before, after=_describe_client(client))


@transaction.atomic
def end_client(client: OAuthClient, *, by: User, at: datetime) -> None:
    before, number, name = _describe_client(client), str(client.pk), client.application.name
    actions.remove_oauth_client(client)
    _record(Act.REMOVED, CLIENT, number, name, by, at, before=before)


@transaction.atomic
def declare_event(name: str, *, description: str, by: User, at: datetime) -> EventType:
    """An event that is to come: its properties can be chosen before it is sent."""
    event_type = EventType(name=name, description=description)
    actions.save_event_type(event_type)
    _record(Act.MADE, EVENT, str(event_type.pk), name, by, at, after=_describe_event(event_type))
    return event_type


@transaction.atomic
def change_event(event_type: EventType, *, by: User, at: datetime) -> None:
    """Stores what people say of an event: what it is, and what it must look like."""
    before = _describe_event(EventType.objects.select_for_update().get(pk=event_type.pk))
    actions.save_event_type(event_type)
    name = event_type.name
    _record(Act.CHANGED, EVENT, str(event_type.pk), name, by, at, before=before, after=_describe_event(event_type))


@transaction.atomic
def forget_event(event_type: EventType, *, by: User, at: datetime) -> None:
    """Only what was declared and never came: the next event would bring it back without what was chosen for it."""
    before, number, name = _describe_event(event_type), str(event_type.pk), event_type.name
    actions.remove_event_type(event_type)
    _record(Act.REMOVED, EVENT, number, name, by, at, before=before)


@transaction.atomic
def choose_property(chosen: EventProperty, *, by: User, at: datetime) -> None:
    """Stores whether a property is remembered, and whether it is private; one that was never seen is declared."""
    stored = EventProperty.objects.select_for_update().filter(pk=chosen.pk).first()
    before = {} if stored is None else _describe_property(stored)
    actions.choose_properties([chosen])
    event_type = chosen.event_type
    after = _describe_property(chosen)
    _record(Act.CHANGED, EVENT, str(event_type.pk), event_type.name, by, at, before=before, after=after)


def _describe_client(client: OAuthClient) -> dict[str, Any]:
    return {"name": client.application.name, "source": client.source.slug, "scopes": list(client.scopes)}


def _describe_event(event_type: EventType) -> dict[str, Any]:
    return {"name": event_type.name, "description": event_type.description, "schema": event_type.schema}


def _describe_property(chosen: EventProperty) -> dict[str, Any]:
    return {f"{chosen.path}: indexed": chosen.indexed, f"{chosen.path}: private": chosen.private}


def _record(act: Act, kind: str, subject: str, name: str, by: User, at: datetime, **said: Any) -> None:
    record_act(act, by=by, at=at, kind=kind, subject=subject, name=name[:200] or subject, **said)
