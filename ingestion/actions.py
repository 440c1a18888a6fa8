"""Writes of sources, keys and catalogue, each with the directory published anew in its transaction; and of letters."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import Application

from ingestion.directory import hash_secret
from ingestion.log import EventLog
from ingestion.models import (
    DeadLetter,
    EventProperty,
    EventType,
    OAuthClient,
    PublishedDirectory,
    SecretKey,
    Source,
)
from ingestion.queries import build_directory, list_newly_indexed, newest_directory, to_json
from ingestion.scopes import Scope, read_scopes
from ingestion.streams import Streams
from profiles import keys
from profiles.locks import PUBLISH_DIRECTORY, take_turns
from segments.actions import plan_recall

KEPT_DIRECTORIES = 20
REPLAYED_AT_ONCE = 100  # dead letters of one transaction


@transaction.atomic
def create_source(
    *, slug: str, name: str, kind: str = Source.Kind.SITE, debug: bool = False, origins: Iterable[str] = ()
) -> Source:
    """A source with a fresh write key, known to every door within a second."""
    source = Source(slug=slug, name=name, kind=kind, debug=debug, origins=list(origins))
    save_source(source)
    return source


@transaction.atomic
def save_source(source: Source) -> None:
    """Stores what is said of the source; a new one gets its write key. A key rotated meanwhile stays rotated."""
    if source.pk is None:
        source.write_key = make_write_key()
        source.save()
    else:
        source.save(update_fields=["name", "kind", "origins", "debug", "strict"])
    publish_directory()


@transaction.atomic
def remove_source(source: Source) -> None:
    """Its keys and tokens are refused from within a second on. What it has sent stays."""
    Application.objects.filter(client__source=source).delete()
    source.delete()
    publish_directory()


@transaction.atomic
def switch_source(source: Source, *, off: datetime | None) -> None:
    """Off since a moment, its keys and tokens are refused from within a second on; None: they work again."""
    source.off = off
    source.save(update_fields=["off"])
    publish_directory()


@transaction.atomic
def rotate_write_key(source: Source) -> Source:
    """A fresh write key; the old one is refused from within a second on."""
    source.write_key = make_write_key()
    source.save(update_fields=["write_key"])
    publish_directory()
    return source


@transaction.atomic
def create_secret_key(
    source: Source, *, scopes: Iterable[str] = (Scope.DECIDE,), name: str = "", expires: datetime | None = None
) -> tuple[SecretKey, str]:
    """The row and the key itself, which is never to be seen again. Raises ValueError for a scope there is not."""
    key = f"sk_{secrets.token_urlsafe(32)}"
    row = SecretKey.objects.create(
        source=source,
        name=name,
        prefix=key[:10],
        sha256=hash_secret(key),
        scopes=list(read_scopes(tuple(scopes))),
        expires=expires,
    )
    publish_directory()
    return row, key


@transaction.atomic
def revoke_secret_key(key: SecretKey, *, at: datetime) -> None:
    key.revoked = at
    key.save(update_fields=["revoked"])
    publish_directory()


@transaction.atomic
def create_oauth_client(*, name: str, source: Source, scopes: Iterable[str]) -> tuple[OAuthClient, str]:
    """The row and the client's secret, which is never to be seen again. Raises ValueError for a scope there is not."""
    secret = f"cs_{secrets.token_urlsafe(32)}"
    application = Application.objects.create(
        name=name,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,  # hashed as it is stored
    )
    allowed = list(read_scopes(tuple(scopes)))
    client = OAuthClient.objects.create(application=application, source=source, scopes=allowed)
    publish_directory()
    return client, secret


@transaction.atomic
def change_oauth_client(client: OAuthClient, *, name: str, scopes: Iterable[str]) -> None:
    """What it may be allowed from within a second on, tokens it has already included."""
    client.application.name = name
    client.application.save(update_fields=["name", "updated"])
    client.scopes = list(read_scopes(tuple(scopes)))
    client.save(update_fields=["scopes"])
    publish_directory()


@transaction.atomic
def remove_oauth_client(client: OAuthClient) -> None:
    """Its tokens are refused from within a second on."""
    client.application.delete()
    publish_directory()


@transaction.atomic
def save_event_type(event_type: EventType) -> None:
    """Stores what operators say of an event; what the archiver counts meanwhile stays."""
    event_type.save(update_fields=None if event_type.pk is None else ["name", "schema", "description"])
    publish_directory()


@transaction.atomic
def remove_event_type(event_type: EventType) -> None:
    """Forgets an event that was declared, with what was chosen for it."""
    event_type.delete()
    publish_directory()


@transaction.atomic
def choose_properties(chosen: Iterable[EventProperty]) -> None:
    """Stores which properties are indexed or private; the types that the archiver has seen meanwhile stay."""
    for each in chosen:
        each.save(update_fields=None if each.pk is None else ["indexed", "private"])
    publish_directory()


@transaction.atomic
def publish_directory() -> int:
    """Stores the directory that the tables describe, unless it is the one in force; returns the number in force.

    What is indexed from now on is remembered of archived events too."""
    take_turns(PUBLISH_DIRECTORY)  # or two at once would each publish a directory without the other's change
    payload = to_json(build_directory())
    newest = newest_directory()
    if newest is not None and newest[1] == payload:
        return newest[0]
    published = PublishedDirectory.objects.create(payload=payload)
    PublishedDirectory.objects.filter(pk__lte=published.pk - KEPT_DIRECTORIES).delete()
    if newest is not None and (fresh := list_newly_indexed(newest[1], payload)):
        plan_recall(fresh, at=timezone.now())
    return int(published.pk)


def replay_dead_letters(
    letters: Iterable[DeadLetter], *, log: EventLog, streams: Streams, partitions: int, at: datetime
) -> int:
    """Puts records that were set aside back to where their consumer finds them, each letter once; returns how many.

    What they did before they failed was never committed. An event that was applied since is dropped as a duplicate, and
    so is a state that was handed over: who dies before the letter is marked as replayed may bring it twice.
    """
    waiting = iter(letters)
    replayed = 0
    while ids := [letter.pk for letter in islice(waiting, REPLAYED_AT_ONCE)]:
        replayed += _replay(ids, log=log, streams=streams, partitions=partitions, at=at)
    return replayed


@transaction.atomic
def _replay(ids: list[int], *, log: EventLog, streams: Streams, partitions: int, at: datetime) -> int:
    letters = DeadLetter.objects.select_for_update().filter(pk__in=ids, replayed=None).order_by("pk")
    events: dict[int, list[bytes]] = {}
    for letter in letters:
        partition, raw = letter.partition % partitions, bytes(letter.raw)
        if letter.log == DeadLetter.Log.ACCEPTED:
            streams.append(keys.accepted(partition), raw)
        else:
            events.setdefault(partition, []).append(raw)
    if events:
        log.append(events)
    return DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(replayed=at)


def make_write_key() -> str:
    return f"wk_{secrets.token_urlsafe(18)}"
