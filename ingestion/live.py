"""What the processor tells whoever watches a profile, the moment its commit is in. Pure."""

import msgspec


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """One event that was applied: its name, when it happened (Unix milliseconds), its messageId."""

    name: str
    at: int
    id: str


class Change(msgspec.Struct, frozen=True, array_like=True):
    """What one commit did to a profile; `moved_to` is set when it was merged into another one, `parted` when another
    one was let go: whoever watches has to find out anew whom. `at` is when it was about to be committed (Unix
    milliseconds, 0 where nobody said)."""

    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    events: tuple[Seen, ...] = ()
    moved_to: str | None = None
    parted: bool = False
    at: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Change)


def pack(change: Change) -> bytes:
    return _encoder.encode(change)


def unpack(raw: bytes) -> Change:
    return _decoder.decode(raw)
