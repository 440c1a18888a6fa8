"""`POST /api/v1/email/render`: one template, up to 500 people, a message for each. Raw ASGI."""

from collections.abc import Callable

from ingestion.directory import Directory
from ingestion.http import (
    Answer,
    Receive,
    Scope,
    Send,
    encode,
    read_bearer,
    receive_body,
    refuse,
    refuse_for_now,
    refuse_method,
    serve,
)
from ingestion.log import LogUnavailable
from personalization.mail.calls import MAX_BODY, CallRefused, parse_call, read_base
from personalization.mail.rendering import Renderer

RENDER_PATHS = ("/api/v1/email/render", "/api/v1/email/render/")
SCOPE = "email:send"  # that a secret key needs


class RenderApp:
    """The raw ASGI application behind the path. `base` is where messages lead back to, "" for where the call came."""

    def __init__(self, *, directory: Callable[[], Directory], renderer: Renderer, base: str) -> None:
        self._directory = directory
        self._renderer = renderer
        self._base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(send, self._answer_or_refuse(scope, receive))

    async def _answer_or_refuse(self, scope: Scope, receive: Receive) -> Answer:
        try:
            return await self._answer(scope, receive)
        except CallRefused as refused:
            return refuse(refused.status, refused.code, refused.message)
        except LogUnavailable:
            message = "the service is not ready; try again in a second"
            return refuse_for_now(503, "unavailable", message, retry_after=1)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return refuse_method(b"POST")
        headers = dict(scope["headers"])
        source = self._admit(headers.get(b"authorization", b""))
        call = parse_call(await receive_body(receive, MAX_BODY))
        came = f"{scope['scheme']}://{headers.get(b'host', b'').decode('latin-1')}"
        base = read_base(call.base_url or self._base or came)
        return Answer(200, encode(await self._renderer.render(call, source=source, base=base)))

    def _admit(self, authorization: bytes) -> str:
        """The slug of the caller's source; raises CallRefused."""
        secret = read_bearer(authorization)
        key = self._directory().secret(secret) if secret else None
        if key is None:
            raise CallRefused(401, "unknown_key", "send a secret key as Authorization: Bearer")
        if SCOPE not in key.scopes:
            raise CallRefused(403, "scope_missing", f"the secret key lacks the scope {SCOPE!r}")
        return key.source
