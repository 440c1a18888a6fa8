"""Writes of sources, keys and catalogue. Each publishes the directory anew in its own transaction."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from ingestion.directory import hash_secret
from ingestion.log import EventLog
from ingestion.models import DeadLetter, PublishedDirectory, SecretKey, Source
from ingestion.queries import build_directory, newest_directory, to_json

KEPT_DIRECTORIES = 20


@transaction.atomic
def create_source(
    *, slug: str, name: str, kind: str = Source.Kind.SITE, debug: bool = False, origins: Iterable[str] = ()
) -> Source:
    """A source with a fresh write key, known to every door within a second."""
    source = Source.objects.create(
        slug=slug, name=name, kind=kind, debug=debug, origins=list(origins), write_key=make_write_key()
    )
    publish_directory()
    return source


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


def replay_dead_letters(letters: Iterable[DeadLetter], *, log: EventLog, at: datetime) -> int:
    """Puts records that were set aside back into the log; what they did before they failed was never committed, and a
    record that was applied since is dropped as a duplicate."""
    replayed = 0
    for letter in letters:
        log.append({letter.partition: [bytes(letter.raw)]})
        letter.replayed = at
        letter.save(update_fields=["replayed"])
        replayed += 1
    return replayed


def make_write_key() -> str:
    return f"wk_{secrets.token_urlsafe(18)}"
