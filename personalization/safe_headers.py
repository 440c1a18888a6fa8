"""What every answer says to browsers, whichever door it comes from; where a door says it itself, its words stand."""

from ingestion.http import Headers, Message, Send

YEAR_S = 31_536_000

# A page may load what its own door allows, or where that says nothing what it likes, but no plug-in and no other base,
# and stands in nobody's frame. What is no page shows nothing and runs nothing when somebody opens it as one.
PAGE = b"object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
DATA = b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"
ALWAYS: Headers = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))


class SafeHeaders:
    """Adds them to answers on their way out. `is_https` says that everything comes through a proxy with TLS."""

    def __init__(self, *, is_https: bool, with_subdomains: bool) -> None:
        lasts = b"max-age=%d" % YEAR_S + (b"; includeSubDomains" if with_subdomains else b"")
        self._strict: Headers = ((b"strict-transport-security", lasts),) if is_https else ()

    def wrap(self, scope: Message, send: Send) -> "SafeSend":
        """`send`, for one request."""
        # Said over plain HTTP it would be believed of whoever stands in between.
        return SafeSend(send, (*ALWAYS, *self._strict) if scope.get("scheme") == "https" else ALWAYS)


class SafeSend:
    """An ASGI `send` that knows with which `status` the answer began; 0 while it has not."""

    __slots__ = ("_always", "_send", "status")

    def __init__(self, send: Send, always: Headers) -> None:
        self._send = send
        self._always = always
        self.status = 0

    @property
    def has_begun(self) -> bool:
        return self.status > 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": _complete(message.get("headers", ()), self._always)}
        await self._send(message)


def _complete(headers: Headers, always: Headers) -> Headers:
    said = {name.lower(): value for name, value in headers}
    more = [pair for pair in always if pair[0] not in said]
    if b"content-security-policy" not in said:
        is_data = said.get(b"content-type", b"").startswith(b"application/")
        more.append((b"content-security-policy", DATA if is_data else PAGE))
    return [*headers, *more]
