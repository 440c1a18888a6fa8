"""What the links of a message carry, sealed: which message it is, whose, and what it is about. Pure."""

from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

import msgspec

from personalization.mail.links import is_followed
from personalization.sealing import BadToken, Sealer

PREFIX = "/t/"
PURPOSE = "mail-"  # of its tokens, with the letter of the door


class Door(StrEnum):
    """Where a token is good, and the letter of its path."""

    OPEN = "o"
    CLICK = "c"
    VIEW = "v"
    UNSUBSCRIBE = "u"


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """One message: the decision it was made by (an id's 16 bytes), for whom (`u:…`, `a:…`), the slugs of the source
    whose key asked for it and of its template, what the person has to have consented to, its campaign, and when it was
    made (Unix milliseconds)."""

    decision: bytes
    person: str
    source: str
    template: str
    purpose: str
    campaign: str
    at: int

    @property
    def decision_id(self) -> str:
        return self.decision.hex()

    @property
    def message_id(self) -> str:
        """The id of the message follows from its decision: a decision makes one message."""
        return sha256(b"pz mail: " + self.decision).hexdigest()[:32]


class Followed(msgspec.Struct, frozen=True, array_like=True):
    """A stamp and the link it is on."""

    stamp: Stamp
    link: str


Carried = TypeVar("Carried", bound=msgspec.Struct)


class Stamper:
    """Makes the addresses that messages carry, and reads their tokens again. `base` is where this product is reached,
    such as `https://engine.example`."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, base: str, door: Door, carried: msgspec.Struct, *, expires: int = 0) -> str:
        token = self._sealer.seal(PURPOSE + door, _encode(carried), expires=expires)
        return f"{base}{PREFIX}{door}/{token}{'.gif' if door is Door.OPEN else ''}"

    def read(self, door: Door, token: str, kind: type[Carried], *, now: int) -> Carried:
        """What a token of this door carries; raises BadToken, ExpiredToken."""
        try:
            return msgspec.msgpack.decode(self._sealer.open(PURPOSE + door, token, now=now), type=kind)
        except msgspec.DecodeError as error:
            raise BadToken("sealed by another version of this product") from error

    def read_link(self, token: str, *, now: int) -> Followed:
        """A stamp and the page its link leads to; nothing else is ever led to."""
        followed = self.read(Door.CLICK, token, Followed, now=now)
        if not is_followed(followed.link):
            raise BadToken("no link that is followed")
        return followed


_encode = msgspec.msgpack.Encoder().encode
