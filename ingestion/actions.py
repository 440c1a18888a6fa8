"""Writes of sources, keys and catalogue, each with the directory published anew in its transaction; and of letters."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from ingestion.directory import hash_secret
from ingestion.log import EventLog
from ingestion.models import DeadLetter, PublishedDirectory, SecretKey, Source
from ingestion.queries import build_directory, newest_directory, to_json
from ingestion.streams import Streams
from profiles import keys

KEPT_DIRECTORIES = 20


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
    """Stores the source; a new one gets its write key."""
    source.write_key = source.write_key or make_write_key()
    source.save()
    publish_directory()


@transaction.atomic
def remove_source(source: Source) -> None:
    """Its keys are refused from within a second on. What it has sent stays."""
    source.delete()
    publish_directory()


@transaction.atomic
def rotate_write_key(source: Source) -> Source:
    """A fresh write key; the old one is refused from within a second on."""
    source.write_key = make_write_key()
    source.save(update_fields=["write_key"])
    publish_directory()
    return source


@transaction.atomic
def create_secret_key(source: Source, *, scopes: Iterable[str] = ("decide",)) -> tuple[SecretKey, str]:
    """The row and the key itself, which is never to be seen again."""
    key = f"sk_{secrets.token_urlsafe(32)}"
    row = SecretKey.objects.create(source=source, prefix=key[:10], sha256=hash_secret(key), scopes=list(scopes))
    publish_directory()
    return row, key


@transaction.atomic
def revoke_secret_key(key: SecretKey, *, at: datetime) -> None:
    key.revoked = at
    key.save(update_fields=["revoked"])
    publish_directory()


@transaction.atomic
def publish_directory() -> int:
    """Stores the directory that the tables describe, unless it is the one in force; returns the number in force."""
    payload = to_json(build_directory())
    newest = newest_directory()
    if newest is not None and newest[1] == payload:
        return newest[0]
    published = PublishedDirectory.objects.create(payload=payload)
    PublishedDirectory.objects.filter(pk__lte=published.pk - KEPT_DIRECTORIES).delete()
    return int(published.pk)


def replay_dead_letters(
    letters: Iterable[DeadLetter], *, log: EventLog, streams: Streams, partitions: int, at: datetime
) -> int:
    """Puts records that were set aside back to where their consumer finds them; what they did before they failed was
    never committed, and a record that was applied since is dropped as a duplicate. Returns how many."""
    replayed = 0
    for letter in letters:
        partition, raw = letter.partition % partitions, bytes(letter.raw)
        if letter.log == DeadLetter.Log.ACCEPTED:
            streams.append(keys.accepted(partition), raw)
        else:
            log.append({partition: [raw]})
        letter.replayed = at
        letter.save(update_fields=["replayed"])
        replayed += 1
    return replayed


def make_write_key() -> str:
    return f"wk_{secrets.token_urlsafe(18)}"
