"""One message for one person: the same function writes what is sent, tested, previewed and viewed in the browser."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec
import zstandard

from personalization.mail.links import add_campaign, complete_images, read_campaign, rewrite_html, rewrite_text
from personalization.mail.stamps import PREFIX, Door, Followed, Stamp, Stamper
from personalization.mail.templates import Template
from personalization.sealing import BadToken
from profiles.profile import Profile, Trait
from rules.render import Block, Seen, render_html, render_message

VIEW_MS = 90 * 86_400_000  # how long a message can be viewed in the browser
MAX_VIEW = 6_000  # characters of its link: some proxies take 8,000 of a whole address
MAX_UNPACKED = 200_000  # bytes of what such a link carries
_FEEDBACK = re.compile(r"[^A-Za-z0-9._-]+")


class TooMuchToCarry(ValueError):
    """What the message is made of does not fit into a link."""


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """The block that was decided for a slot, and what its template can print of the offer granted with it."""

    block: str
    offer: dict[str, Any] | None = None


class Letter(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Everything a message is made of, so that it can be made again to the last byte.

    `book` is the number of the Book that has its template and blocks, `inline` what an inline template is kept under.
    Of the person it has what can be printed and no more: `traits`, `segments`, `user_id`."""

    stamp: Stamp
    base: str
    book: int
    inline: str = ""
    utm: dict[str, str] = {}
    shown: dict[str, Shown] = {}
    user_id: str | None = None
    traits: dict[str, Any] = {}
    segments: tuple[str, ...] = ()
    context: dict[str, Any] = {}
    data: dict[str, Any] = {}


class Mail(NamedTuple):
    """A message ready to be sent, and the headers it goes with."""

    subject: str
    html: str
    text: str
    headers: dict[str, str]


class Writer:
    """Writes letters, and reads the links under which they can be viewed."""

    def __init__(self, stamper: Stamper) -> None:
        self._stamper = stamper
        self._packer = zstandard.ZstdCompressor(level=3)
        self._unpacker = zstandard.ZstdDecompressor()

    def write(self, letter: Letter, template: Template, slots: Mapping[str, str]) -> Mail:
        """`slots` are the blocks of its slots, rendered. Raises RenderFailed, and TooMuchToCarry."""
        stamp, base, own = letter.stamp, letter.base, letter.base + PREFIX
        unsubscribe = self._stamper.seal(base, Door.UNSUBSCRIBE, stamp)
        view = self.link_view(letter) if template.asks_view else ""
        seen = see(letter)._replace(slots=slots, links={"unsubscribe_url": unsubscribe, "view_url": view})
        message = render_message(template.block, seen)
        campaign = read_campaign(letter.utm)

        @cache  # most links are in the HTML and in the text
        def link(target: str) -> str:
            return self._stamper.seal(base, Door.CLICK, Followed(stamp, add_campaign(target, campaign)))

        pixel = self._stamper.seal(base, Door.OPEN, stamp)
        return Mail(
            message.subject,
            rewrite_html(complete_images(message.html, base), link, own=own, pixel=pixel),
            rewrite_text(message.text, link, own=own),
            {
                "List-Unsubscribe": f"<{unsubscribe}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Feedback-ID": ":".join(map(_name, (stamp.campaign, stamp.template, stamp.purpose, stamp.source))),
            },
        )

    def link_view(self, letter: Letter) -> str:
        """The address under which the letter can be viewed; raises TooMuchToCarry."""
        packed = Packed(self._packer.compress(_encode(letter)))
        address = self._stamper.seal(letter.base, Door.VIEW, packed, expires=letter.stamp.at + VIEW_MS)
        if len(address) > MAX_VIEW:
            raise TooMuchToCarry(
                f"with {len(address)} characters the link to view it is too long, {MAX_VIEW} are the most: "
                "send less context and data, or a template without view_url"
            )
        return address

    def read_view(self, token: str, *, now: int) -> Letter:
        """The letter of a link; raises BadToken, ExpiredToken."""
        packed = self._stamper.read(Door.VIEW, token, Packed, now=now)
        try:
            return _decoder.decode(self._unpacker.decompress(packed.letter, max_output_size=MAX_UNPACKED))
        except (msgspec.DecodeError, zstandard.ZstdError) as error:
            raise BadToken("written by another version of this product") from error


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A letter as its link carries it."""

    letter: bytes


def fill_slots(letter: Letter, blocks: Mapping[str, Block]) -> dict[str, str]:
    """The blocks of a letter's slots, rendered as they were when they were decided; raises RenderFailed. They are for
    many letters, and see nothing of the data of this one."""
    seen = see(letter)._replace(data={})
    return {
        slot: render_html(blocks[each.block], seen._replace(offer=each.offer)) for slot, each in letter.shown.items()
    }


def see(letter: Letter) -> Seen:
    """What its template prints."""
    profile = Profile(
        id="",
        user_id=letter.user_id,
        traits={name: Trait(value, 0) for name, value in letter.traits.items()},
        segments=dict.fromkeys(letter.segments, 0),
    )
    return Seen(profile, letter.context, letter.stamp.at, data=letter.data)


def _name(part: str) -> str:
    """Without the colons between parts, and without anything that has a meaning in a header."""
    return _FEEDBACK.sub("-", part)[:64]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Letter)
