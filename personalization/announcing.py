"""Brings what is published in PostgreSQL into force: tells Redis of the newest Book, directory and roster, and tells it
again when it has forgotten. Publishing therefore is one database transaction, and needs no Redis."""

import msgspec

from ingestion.queries import newest_directory
from personalization.snapshot import announce
from profiles import keys
from profiles.clients import Client
from rules.queries import newest_book
from segments.queries import newest_roster

NEWEST = {keys.BOOK: newest_book, keys.DIRECTORY: newest_directory, keys.ROSTER: newest_roster}


def announce_newest(client: Client) -> list[str]:
    """Announces what is newer in PostgreSQL than in Redis; returns the names announced."""
    announced = []
    for name, find in NEWEST.items():
        newest = find()
        if newest is not None and client.get(name) != str(newest[0]).encode():
            number, payload = newest
            announce(client, name, number, msgspec.json.encode({**payload, "number": number}))
            announced.append(name)
    return announced
