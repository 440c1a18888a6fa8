"""What a call of the e-mail door says, checked: a bad call is refused, a bad recipient alone. Pure."""

import re
from typing import Any

import msgspec

from personalization.mail.links import UTM, is_followed
from profiles.event import anonymous_key, user_key
from profiles.identity import MAX_ID_LENGTH

MAX_BODY = 4_000_000
MAX_RECIPIENTS = 500
MAX_DATA = 16_000  # bytes of one recipient
MAX_ADDRESS = 320
MAX_VALUE = 200  # characters of a UTM parameter
MAX_BASE = 200
PURPOSE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\\x00-\x1f\x7f]+@[^\s@<>,;:\"\\\x00-\x1f\x7f]+")


class Inline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A template that is not published, for a test."""

    subject: str
    html: str
    text: str = ""


class Call(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of a call."""

    template: str | Inline
    recipients: list[msgspec.Raw]
    utm: dict[str, str] = {}
    purpose: str = "email"
    base_url: str | None = None


class Recipient(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """One of its recipients. `data` is what this message prints and nobody decides by."""

    user_id: str | None = None
    anonymous_id: str | None = None
    email: str = ""
    context: dict[str, Any] = {}
    data: dict[str, Any] = {}

    @property
    def person(self) -> str:
        if self.user_id is not None:
            return user_key(self.user_id)
        return anonymous_key(self.anonymous_id or "")


class BadCall(Exception):
    """The body is no call; what it says tells how to mend it."""


class CallTooLarge(Exception):
    """The body has too many bytes."""


class TooManyRecipients(Exception):
    """They make more than one call."""


class RecipientRefused(Exception):
    """This recipient gets no message; the others do."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


_calls = msgspec.json.Decoder(Call)
_recipients = msgspec.json.Decoder(Recipient)


def parse_call(raw: bytes) -> Call:
    """Raises BadCall, CallTooLarge, TooManyRecipients."""
    if len(raw) > MAX_BODY:
        raise CallTooLarge(f"a call has at most {MAX_BODY} bytes; send fewer recipients in each")
    try:
        call = _calls.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadCall(f"the body is not a call of this door: {error}") from error
    if len(call.recipients) > MAX_RECIPIENTS:
        message = f"{len(call.recipients)} recipients are too many for one call; send at most {MAX_RECIPIENTS} in each"
        raise TooManyRecipients(message)
    if not call.recipients:
        raise BadCall("name at least one recipient")
    if not PURPOSE.fullmatch(call.purpose):
        raise BadCall("purpose has 1 to 40 letters, digits, - and _")
    for name, value in call.utm.items():
        if name not in UTM or len(value) > MAX_VALUE or not value.isprintable():
            message = f"utm takes {', '.join(UTM)}, each with at most {MAX_VALUE} characters on one line"
            raise BadCall(message)
    return call


def parse_recipient(raw: msgspec.Raw) -> Recipient:
    """Raises RecipientRefused."""
    if len(bytes(raw)) > MAX_DATA:
        message = f"context and data of a recipient have at most {MAX_DATA} bytes together; send less"
        raise RecipientRefused("too_much_data", message)
    try:
        recipient = _recipients.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecipientRefused("bad_recipient", str(error)) from error
    if recipient.user_id is None and recipient.anonymous_id is None:
        raise RecipientRefused("missing_identity", "name a userId or an anonymousId: nobody else can unsubscribe")
    for id in (recipient.user_id, recipient.anonymous_id):
        if id is not None and not 0 < len(id) <= MAX_ID_LENGTH:
            raise RecipientRefused("bad_recipient", f"an id has 1 to {MAX_ID_LENGTH} characters")
    if recipient.email and (len(recipient.email) > MAX_ADDRESS or not _ADDRESS.fullmatch(recipient.email)):
        raise RecipientRefused("bad_recipient", "email is no address, such as anna@example.org")
    return recipient


def read_base(said: str) -> str:
    """Where the links of messages lead back to; raises BadCall."""
    if len(said) > MAX_BASE or not is_followed(said) or re.search(r"[?#\s<>\"'\\]", said):
        raise BadCall("baseUrl is where this server is reached, such as https://engine.example")
    return said.rstrip("/")
