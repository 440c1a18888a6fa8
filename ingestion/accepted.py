"""The records of the accepted log: what the processor has applied, for the archiver to keep. Pure."""

import msgspec

from profiles.event import Event


class Applied(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="applied", kw_only=True):
    """An event that was folded into `profile`, and the segments it made the person enter or leave."""

    profile: str
    event: Event
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Linked(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="linked", kw_only=True):
    """An identifier that now stands for `profile`. `at` is Unix milliseconds."""

    identifier: str
    profile: str
    at: int


class Merged(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="merged", kw_only=True):
    """`winner` took over `loser`, whose packed `state` is kept so that the merge can be undone."""

    loser: str
    winner: str
    state: bytes
    because: str
    at: int


class Dead(msgspec.Struct, frozen=True, array_like=True, tag_field="record", tag="dead", kw_only=True):
    """A record set aside: where it stood in the log, its bytes, why, and after how many tries."""

    partition: int
    offset: str
    raw: bytes
    reason: str
    tries: int
    at: int


Accepted = Applied | Linked | Merged | Dead

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Accepted] = msgspec.msgpack.Decoder(Accepted)


def pack(record: Accepted) -> bytes:
    return _encoder.encode(record)


def unpack(raw: bytes) -> Accepted:
    return _decoder.decode(raw)
