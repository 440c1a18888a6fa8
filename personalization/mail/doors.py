"""The doors that the links of messages lead to, under /t/: open, click, view in the browser, unsubscribe. Raw ASGI."""

import logging
import uuid
from base64 import b64decode
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from urllib.parse import quote

from ingestion.append import Appender, Overloaded
from ingestion.http import Answer, BodyTooSlow, ClientGone, Headers, Receive, Scope, Send, read_permission, receive_body
from ingestion.log import LogUnavailable
from ingestion.meter import Way
from personalization.mail import pages
from personalization.mail.bursts import Bursts
from personalization.mail.hits import MAX_AGENT, Hit, Kind, tell
from personalization.mail.stamps import PREFIX, Door, Stamp, Stamper
from personalization.sealing import BadToken, ExpiredToken
from profiles.consent import may_keep
from profiles.event import Event

logger = logging.getLogger(__name__)

OPENED, CLICKED, UNSUBSCRIBED = "Email Opened", "Email Link Clicked", "Unsubscribed"
MAX_FORM = 4_096  # bytes of the body of an unsubscription; nothing in it is needed
MAX_LATE = 10_000  # hits that wait in this process until Redis is back

# The smallest picture there is: one transparent point, 43 bytes.
PIXEL = b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")

PRIVATE: Headers = [
    (b"cache-control", b"no-store, private"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
]
HTML = (b"content-type", b"text/html; charset=utf-8")
PAGE: Headers = [
    *PRIVATE,
    HTML,
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
]
# A message is shown as a mail program shows it: it runs nothing, and is of no origin although it comes from here.
MESSAGE: Headers = [
    *PRIVATE,
    HTML,
    (
        b"content-security-policy",
        b"sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; "
        b"default-src 'none'; img-src * data:; style-src * 'unsafe-inline'; font-src *; frame-ancestors 'none'",
    ),
]

View = Callable[[str], Awaitable[str]]  # a token to the HTML of its message; raises BadToken


class MailDoors:
    """The raw ASGI application behind /t/. `clock` gives Unix milliseconds.

    A hit that cannot be stored at the moment still gets its picture or its page, and is stored with the next one; an
    unsubscription is acknowledged only once it is stored."""

    def __init__(
        self, *, stamper: Stamper, appender: Appender, bursts: Bursts, view: View, clock: Callable[[], int]
    ) -> None:
        self._stamper = stamper
        self._appender = appender
        self._bursts = bursts
        self._view = view
        self._clock = clock
        self._late: deque[Event] = deque(maxlen=MAX_LATE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except ExpiredToken:
            answer = Answer(410, pages.show_expired(), PAGE)
        except BadToken:
            answer = Answer(404, pages.show_unknown(), PAGE)
        except LogUnavailable:
            answer = Answer(503, pages.show_late(), [*PAGE, (b"retry-after", b"5")])
        except BodyTooSlow:
            answer = Answer(408, pages.show_unknown(), PAGE)
        except ClientGone:
            return
        await _send(send, scope["method"], answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        letter, _, token = scope["path"].removeprefix(PREFIX).partition("/")
        try:
            door = Door(letter)
        except ValueError:
            raise BadToken("no such door") from None
        allowed = ("GET", "HEAD", "POST") if door is Door.UNSUBSCRIBE else ("GET", "HEAD")
        if scope["method"] not in allowed:
            return Answer(405, b"", [*PRIVATE, (b"allow", ", ".join(allowed).encode())])
        match door:
            case Door.OPEN:
                return await self._open(scope, token)
            case Door.CLICK:
                return await self._click(scope, token)
            case Door.VIEW:
                return Answer(200, (await self._view(token)).encode(), MESSAGE)
            case Door.UNSUBSCRIBE:
                return await self._unsubscribe(scope, receive, token)

    async def _open(self, scope: Scope, token: str) -> Answer:
        stamp = self._stamper.read(door=Door.OPEN, token=token.removesuffix(".gif"), kind=Stamp, now=self._clock())
        await self._note(scope, stamp, "open", OPENED)
        return Answer(200, PIXEL, [*PRIVATE, (b"content-type", b"image/gif")])

    async def _click(self, scope: Scope, token: str) -> Answer:
        followed = self._stamper.read_link(token, now=self._clock())
        await self._note(scope, followed.stamp, "click", CLICKED, followed.link)
        return Answer(302, b"", [*PRIVATE, (b"location", write_location(followed.link))])

    async def _unsubscribe(self, scope: Scope, receive: Receive, token: str) -> Answer:
        """A look changes nothing, as filters follow every link; the button and the one click of RFC 8058 are POSTs."""
        stamp = self._stamper.read(Door.UNSUBSCRIBE, token, Stamp, now=self._clock())
        if scope["method"] != "POST":
            return Answer(200, pages.ask_unsubscribe(stamp.purpose), PAGE)
        await receive_body(receive, MAX_FORM)
        # The same token always says the same, so that a second click is the same message.
        said = self._event(stamp, UNSUBSCRIBED, {"purpose": stamp.purpose}, id=sha256(token.encode()).hexdigest()[:32])
        try:
            await self._appender.append([said], way=Way.MAIL)
        except (Overloaded, LogUnavailable):
            return Answer(503, pages.show_busy(), [*PAGE, (b"retry-after", b"5")])
        return Answer(200, pages.show_unsubscribed(stamp.purpose), PAGE)

    async def _note(self, scope: Scope, stamp: Stamp, kind: Kind, name: str, link: str | None = None) -> None:
        """The hit as an event; nothing is dropped, whoever it was, but of a browser that asks for privacy."""
        if not may_keep(read_permission(scope)):
            return
        now = self._clock()
        links = 1 if link is None else await self._bursts.count(stamp.message_id, link, now)
        headers = _read_headers(scope)
        told = tell(Hit(kind, scope["method"], headers, now - stamp.at, links))
        properties: dict[str, object] = {"by": told.by, "reasons": list(told.reasons)}
        if link is not None:
            properties["link_url"] = link
        agent = headers.get("user-agent", "")[:MAX_AGENT]
        event = self._event(stamp, name, properties, context={"userAgent": agent} if agent else {})
        late = list(self._late)
        self._late.clear()
        try:
            await self._appender.append([*late, event], way=Way.MAIL)
        except (Overloaded, LogUnavailable):
            self._late.extend([*late, event])
            logger.warning("A hit waits until the log takes it; there are %s of them", len(self._late))

    def _event(
        self,
        stamp: Stamp,
        name: str,
        properties: Mapping[str, object],
        *,
        id: str | None = None,
        context: Mapping[str, object] | None = None,
    ) -> Event:
        now = self._clock()
        key, _, person = stamp.person.partition(":")
        named = {"campaign_name": stamp.campaign} if stamp.campaign else {}
        about = {"email_id": stamp.template, "messageId": stamp.message_id, "decisionId": stamp.decision_id}
        return Event(
            id=id or uuid.uuid4().hex,
            source=stamp.source,
            type="track",
            name=name,
            at=now,
            received=now,
            user_id=person if key == "u" else None,
            anonymous_id=person if key == "a" else None,
            properties={**about, **named, **properties},
            context={"channel": "email", **(context or {})},
        )


def write_location(link: str) -> bytes:
    """An address as it may stand in a header: what is not ASCII is percent-encoded, and no line can end in it."""
    return quote(link, safe="!#$%&'()*+,/:;=?@[]~").encode("ascii")


def _read_headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _send(send: Send, method: str, answer: Answer) -> None:
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
