"""Parse once at the edge: JSON bytes to events that everything behind may trust, or to a reason why not. Pure."""

import re
import uuid
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from ingestion.parse_body import cut_sample
from ingestion.parse_schema import Schema, find_mismatch
from ingestion.parse_values import Refuse, mend_surrogates, read_id, read_time, split_batch, tidy, without_nul
from ingestion.refusals import Refusal, Refused
from profiles.consent import GRANTED, UNSAID, Permission, is_word, list_word_properties, may_keep
from profiles.event import NAMES, Event, EventType
from profiles.identity import MAX_ID_LENGTH

Scalar = str | int | float | None
Raw = bytes | msgspec.Raw

TYPES: Final[Mapping[str, EventType]] = {
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
}
BATCH = "batch"

HOUR_MS = 3_600_000
FUTURE_MS = 23 * HOUR_MS  # an event further ahead is flagged
LATEST_MS = 366 * 24 * HOUR_MS  # and beyond this refused
EARLIEST = 946_684_800_000  # 2000-01-01
NUL = b"\\u0000"
MAX_MESSAGE_ID = 255  # characters repeated in a refusal
NOT_CONSENTED = "there is no consent to keep this event: nothing was stored"
_MESSAGE_ID = re.compile(rb'"messageId"\s*:\s*"([^"\\]{1,255})"')


class Limits(msgspec.Struct, frozen=True):
    """Bounds of what is taken. `depth` and `keys` are of each of properties, traits and context; `tracking` are the
    purposes an event may not say no to."""

    batch_bytes: int = 512_000
    batch_events: int = 5_000
    event_bytes: int = 32_768
    depth: int = 8
    keys: int = 256
    id_length: int = MAX_ID_LENGTH
    name_length: int = 200
    tracking: tuple[str, ...] = ()


class Sender(msgspec.Struct, frozen=True):
    """Who sends a message: the slug of its source, the ids that hold when it names none itself, and what is said of
    consent for all of them."""

    source: str
    anonymous_id: str | None = None
    user_id: str | None = None
    permission: Permission = UNSAID


class Body(msgspec.Struct, frozen=True):
    """An opened body, its messages not yet looked at. `kind` is the type of all of them, None if each says its own."""

    messages: list[Raw]
    kind: EventType | None = None
    write_key: str | None = None
    sent_at: Scalar = None
    consent: str | None = None


class Parsed(msgspec.Struct):
    """The events that were taken and the refusals of the others, each in the order of the body."""

    events: list[Event]
    refusals: list[Refusal]


class _Envelope(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: Any = None
    sent_at: Any = None
    consent: Any = None


class _Head(msgspec.Struct, rename="camel"):
    write_key: Any = None
    sent_at: Any = None
    message_id: Any = None


class _Message(msgspec.Struct, rename="camel"):
    type: str | None = None
    message_id: Scalar = None
    anonymous_id: Scalar = None
    user_id: Scalar = None
    previous_id: Scalar = None
    group_id: Scalar = None
    event: str | None = None
    name: Any = None
    category: Any = None
    timestamp: Scalar = None
    original_timestamp: Scalar = None
    sent_at: Scalar = None
    properties: dict[str, Any] | list[Any] | None = None
    traits: dict[str, Any] | list[Any] | None = None
    context: dict[str, Any] | list[Any] | None = None
    consent: Any = None


_envelopes = msgspec.json.Decoder(_Envelope)
_heads = msgspec.json.Decoder(_Head)
_messages = msgspec.json.Decoder(_Message)


def open_body(raw: bytes, kind: str, at: int, limits: Limits) -> Body | Refusal:
    """The messages in a body that came in at `at` (Unix ms): one of type `kind`, or those of a `batch`."""
    try:
        return _open(raw, kind, at, limits)
    except msgspec.ValidationError as error:
        return Refusal(Refused.BAD_BATCH, f"the body is not as expected: {error}", at, None, cut_sample(raw))
    except UnicodeDecodeError:
        return Refusal(Refused.NOT_UTF8, "the body is not UTF-8", at)
    except RecursionError:
        return _open_deep(raw, kind, at)
    except msgspec.DecodeError as error:
        mended = mend_surrogates(raw)
        if mended != raw:
            return open_body(mended, kind, at, limits)
        return Refusal(Refused.BROKEN_JSON, str(error), at, None, cut_sample(raw))


def _open(raw: bytes, kind: str, at: int, limits: Limits) -> Body | Refusal:
    if kind != BATCH:
        if len(raw) > limits.event_bytes:
            message = f"the event has more than {limits.event_bytes} bytes"
            return Refusal(Refused.TOO_LARGE_EVENT, message, at, None, cut_sample(raw))
        return Body([raw], TYPES[kind], _as_text(_heads.decode(raw).write_key))
    envelope = _envelopes.decode(raw)
    if len(envelope.batch) > limits.batch_events:
        message = f"the batch has {len(envelope.batch)} events, {limits.batch_events} are allowed; send smaller ones"
        return Refusal(Refused.TOO_MANY_EVENTS, message, at)
    write_key = _as_text(envelope.write_key)
    if write_key is None and envelope.batch:
        write_key = _as_text(_read_head(envelope.batch[0]).write_key)
    sent_at, consent = _as_scalar(envelope.sent_at), _as_text(envelope.consent)
    return Body(list(envelope.batch), None, write_key, sent_at, consent)


def _open_deep(raw: bytes, kind: str, at: int) -> Body | Refusal:
    """A body the decoder gave up on: each message is looked at alone, so that only the deep one is refused."""
    messages = split_batch(raw) if kind == BATCH else None
    if not messages:
        return Refusal(Refused.TOO_DEEP, "the body is nested too deeply; flatten it", at, None, cut_sample(raw))
    return Body(list(messages), None, _as_text(_read_head(messages[0]).write_key))


def _read_head(message: Raw) -> _Head:
    try:
        return _heads.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Head()


def _as_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _as_scalar(value: Any) -> Scalar:
    return value if isinstance(value, (str, int, float)) else None


def parse_messages(
    messages: Iterable[Raw],
    *,
    sender: Sender,
    received: int,
    limits: Limits,
    kind: EventType | None = None,
    sent_at: Scalar = None,
    schemas: Mapping[str, Schema] | None = None,
) -> Parsed:
    """Events of the messages that are in order; a bad one never takes its neighbours along.

    `received` in Unix milliseconds; `sent_at` is the envelope's, used by messages that have none of their own.
    """
    if sender.permission.state not in (None, GRANTED):
        return Parsed([], refuse_all(messages, Refused.NO_CONSENT, NOT_CONSENTED, received))
    parsed = Parsed([], [])
    refuse = partial(_refusal, at=received, shown=may_keep(sender.permission))
    for message in messages:
        raw = bytes(message)
        try:
            if len(raw) > limits.event_bytes:
                text = f"the event has {len(raw)} bytes, {limits.event_bytes} are allowed"
                raise Refuse(Refused.TOO_LARGE_EVENT, text)
            event = _read_event(_messages.decode(raw), kind, sender, sent_at, received, limits)
            if NUL in raw:
                event = _drop_nul(event)
            if schemas and event.type == "track":
                _check_schema(event, schemas)
        except Refuse as refused:
            parsed.refusals.append(refuse(raw, refused.reason, refused.message))
        except msgspec.ValidationError as error:
            parsed.refusals.append(refuse(raw, Refused.BAD_FIELD, str(error)))
        except UnicodeDecodeError:
            parsed.refusals.append(refuse(raw, Refused.NOT_UTF8, "the event is not UTF-8"))
        except RecursionError:
            parsed.refusals.append(refuse(raw, Refused.TOO_DEEP, "the event is nested too deeply"))
        except msgspec.DecodeError as error:
            parsed.refusals.append(refuse(raw, Refused.BROKEN_JSON, str(error)))
        else:
            parsed.events.append(event)
    return parsed


def refuse_all(messages: Iterable[Raw], reason: Refused, text: str, at: int) -> list[Refusal]:
    """One refusal per message, for a sender none of whose messages are taken."""
    return [_refusal(bytes(message), reason, text, at, shown=False) for message in messages]


def _refusal(raw: bytes, reason: Refused, text: str, at: int, shown: bool) -> Refusal:
    """Carries the messageId by any means: a client that is not told which event was refused sends it again. `shown`:
    whether the debugger may; nothing is kept of an event without consent."""
    said = _read_head(raw).message_id
    if said is None and (found := _MESSAGE_ID.search(raw)):
        said = found[1].decode(errors="replace")
    message_id = str(said)[:MAX_MESSAGE_ID] if isinstance(said, (str, float)) or _is_printable(said) else None
    shown = shown and reason is not Refused.NO_CONSENT
    return Refusal(reason, text, at, message_id, cut_sample(raw) if shown else b"")


def _is_printable(value: Any) -> bool:
    """A whole number that Python agrees to write out."""
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 1_000


def _read_event(
    message: _Message, kind: EventType | None, sender: Sender, sent_at: Scalar, received: int, limits: Limits
) -> Event:
    type = kind or _read_type(message.type)
    anonymous_id = read_id(message.anonymous_id, "anonymousId", limits.id_length)
    user_id = read_id(message.user_id, "userId", limits.id_length)
    if anonymous_id is None and user_id is None:
        anonymous_id, user_id = sender.anonymous_id, sender.user_id
        if anonymous_id is None and user_id is None:
            raise Refuse(Refused.MISSING_IDENTITY, "the event has neither userId nor anonymousId")
    at = _read_at(message, sent_at, received)
    properties = _read_object(message.properties, "properties", limits)
    context = _read_object(message.context, "context", limits)
    traits: dict[str, Any] = {}
    previous_id = None
    name = NAMES.get(type, "")
    if type == "track":
        name = _read_name(message.event, limits)
    elif type == "identify":
        traits, context = _read_traits(message, context, limits)
    elif type == "group":
        traits = _read_object(message.traits, "traits", limits)
        properties["groupId"] = _read_group(message, limits)
    elif type == "alias":
        previous_id = _read_previous(message, user_id, limits)
    else:
        _keep_page(properties, message)
    event = Event(
        id=read_id(message.message_id, "messageId", limits.id_length) or str(uuid.uuid4()),
        source=sender.source,
        type=type,
        name=name,
        at=at,
        received=received,
        anonymous_id=anonymous_id,
        user_id=user_id,
        previous_id=previous_id,
        properties=properties,
        traits=traits,
        context=context,
        flags=("future",) if at > received + FUTURE_MS else (),
    )
    return _heed_consent(event, _as_text(message.consent), sender, limits)


def _heed_consent(event: Event, said: str | None, sender: Sender, limits: Limits) -> Event:
    """The event if it may be kept; of one that is there to say what the person consents to, else its word alone."""
    permission = sender.permission if said is None else sender.permission._replace(state=said)
    if may_keep(permission, event.context, limits.tracking):
        return event
    if is_word(event) and permission.state in (None, GRANTED):
        consent = {name: said for name, said in event.context.items() if name == "consent"}
        return msgspec.structs.replace(event, properties=list_word_properties(event), context=consent)
    raise Refuse(Refused.NO_CONSENT, NOT_CONSENTED)


def _read_type(type: str | None) -> EventType:
    if not type:
        raise Refuse(Refused.MISSING_TYPE, f"the event has no type; use one of {', '.join(TYPES)}")
    known = TYPES.get(type)
    if known is None:
        raise Refuse(Refused.BAD_TYPE, f"the type is not one of {', '.join(TYPES)}")
    return known


def _read_name(name: str | None, limits: Limits) -> str:
    if name is None or not name.strip():
        raise Refuse(Refused.MISSING_EVENT, "the track call has no event name; put it into `event`")
    if len(name) > limits.name_length:
        raise Refuse(Refused.TOO_LONG_NAME, f"the event name is longer than {limits.name_length} characters")
    if "\0" in name:
        raise Refuse(Refused.BAD_TEXT, "the event name contains a NUL character")
    return name


def _read_group(message: _Message, limits: Limits) -> str:
    group_id = read_id(message.group_id, "groupId", limits.id_length)
    if group_id is None:
        raise Refuse(Refused.BAD_FIELD, "the group call has no groupId")
    return group_id


def _read_previous(message: _Message, user_id: str | None, limits: Limits) -> str:
    previous_id = read_id(message.previous_id, "previousId", limits.id_length)
    if user_id is None or previous_id is None:
        raise Refuse(Refused.MISSING_IDENTITY, "the alias call needs both userId and previousId")
    if previous_id == user_id:
        raise Refuse(Refused.ALIAS_TO_SELF, "userId and previousId are the same: there is nothing to join")
    return previous_id


def _read_object(value: dict[str, Any] | list[Any] | None, name: str, limits: Limits) -> dict[str, Any]:
    if not value:
        return {}  # PHP writes an empty object as []
    if type(value) is not dict:
        raise Refuse(Refused.BAD_FIELD, f"Expected `object`, got `array` - at `$.{name}`")
    tidy(value, name, limits.depth, limits.keys)
    return value


def _read_traits(message: _Message, context: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], dict[str, Any]]:
    """(traits, context) of an identify call: the traits may be where RudderStack puts them, and are kept once."""
    traits = _read_object(message.traits, "traits", limits)
    inner = context.get("traits")
    if not isinstance(inner, dict):
        return traits, context
    return traits or inner, {key: value for key, value in context.items() if key != "traits"}


def _keep_page(properties: dict[str, Any], message: _Message) -> None:
    """Name and category of a page or screen call are remembered as properties."""
    for key, value in (("name", message.name), ("category", message.category)):
        if isinstance(value, str) and value and key not in properties:
            properties[key] = value


def _read_at(message: _Message, sent_at: Scalar, received: int) -> int:
    """When it happened by our clock: the client's time, moved by what its clock differed from ours when it sent."""
    said = message.timestamp
    if said is None or said == "":
        said = message.original_timestamp
        if said is None or said == "":
            return received
    at = read_time(said)
    if at is None:
        raise Refuse(Refused.BAD_TIMESTAMP, "timestamp is not a time in ISO 8601, such as 2026-05-01T12:00:00.000Z")
    sent = message.sent_at if message.sent_at is not None else sent_at
    if sent is not None and (sent_ms := read_time(sent)) is not None:
        at += received - sent_ms
    if at < EARLIEST:
        raise Refuse(Refused.BAD_TIMESTAMP, "timestamp is before the year 2000")
    if at > received + LATEST_MS:
        raise Refuse(Refused.BAD_TIMESTAMP, "timestamp is more than a year ahead")
    return at


def _drop_nul(event: Event) -> Event:
    """The event with NUL characters taken out of its free part, flagged."""
    free = {name: without_nul(getattr(event, name)) for name in ("properties", "traits", "context")}
    if all(free[name] == getattr(event, name) for name in free):
        return event
    return msgspec.structs.replace(event, **free, flags=(*event.flags, "nul_removed"))


def _check_schema(event: Event, schemas: Mapping[str, Schema]) -> None:
    schema = schemas.get(event.name)
    if schema is not None and schema.strict and (mismatch := find_mismatch(schema, event.properties)):
        raise Refuse(Refused.SCHEMA_MISMATCH, f"{mismatch}, says the schema of this event")
