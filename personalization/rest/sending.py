"""Events that come through the REST door: the parser of the other doors, and the same way into the log."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ingestion.parse import Raw, Scalar, Sender, parse_messages
from ingestion.refusals import Refusal
from personalization.wiring import blocking_appender, clock, gate, read_limits
from profiles.consent import UNSAID, Permission
from profiles.event import Event

CameTo = list[Event | Refusal]


def send_messages(
    messages: Iterable[Raw], *, source: str, sent_at: Scalar = None, permission: Permission = UNSAID
) -> CameTo:
    """What each message came to, in their order; returns when the events among them are stored. Raises Overloaded or
    LogUnavailable, when none of them is."""
    came_to = _parse(messages, Sender(source, permission=permission), sent_at)
    events = [each for each in came_to if isinstance(each, Event)]
    blocking_appender().append(events, [(source, each) for each in came_to if isinstance(each, Refusal)])
    return came_to


def send_together(calls: Iterable[Mapping[str, Any]], *, source: str) -> CameTo:
    """As `send_messages`, of calls that belong together: when one is refused, none is stored."""
    came_to = _parse([msgspec.json.encode(call) for call in calls], Sender(source), None)
    events = [each for each in came_to if isinstance(each, Event)]
    if len(events) == len(came_to):
        blocking_appender().append(events)
    return came_to


def count_refusal(refusal: Refusal, *, source: str) -> None:
    """A body that is refused whole counts as one. Raises as `send_messages` does."""
    blocking_appender().append([], [(source, refusal)])


def _parse(messages: Iterable[Raw], sender: Sender, sent_at: Scalar) -> CameTo:
    received, limits, schemas = clock(), read_limits(), gate().directory().schemas
    came_to: CameTo = []
    for message in messages:
        parsed = parse_messages(
            [message], sender=sender, received=received, limits=limits, sent_at=sent_at, schemas=schemas
        )
        came_to += [*parsed.events, *parsed.refusals]
    return came_to
