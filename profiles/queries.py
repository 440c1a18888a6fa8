"""Reads of the durable side of people."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection


class Message(NamedTuple):
    """What a message is known by, and about when it happened."""

    source: str
    message_id: str
    at: datetime


# A message that is sent again has the same time but for the correction of its sender's clock.
CLOCKS_DIFFER = "1 day"


def find_archived(messages: Sequence[Message]) -> set[Message]:
    """Those of `messages` that the archive already has: the same source and messageId within a day of `at`."""
    if not messages:
        return set()
    with connection.cursor() as cursor:
        # The inner LIMIT makes it one look at the index of the one or two months in question for each message.
        cursor.execute(
            "SELECT wanted.number FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) "
            "WITH ORDINALITY AS wanted (source, message_id, at, number) CROSS JOIN LATERAL ("
            "SELECT FROM profiles_archivedevent AS event WHERE event.source = wanted.source "
            "AND event.message_id = wanted.message_id AND event.at BETWEEN wanted.at - %s::interval "
            "AND wanted.at + %s::interval LIMIT 1) AS found",
            [*(list(column) for column in zip(*messages, strict=True)), CLOCKS_DIFFER, CLOCKS_DIFFER],
        )
        return {messages[number - 1] for (number,) in cursor.fetchall()}
