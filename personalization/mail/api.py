"""`POST /api/v1/email/render`: one template, up to 500 people, a message for each. Raw ASGI."""

from ingestion.http import (
    Answer,
    Headers,
    Receive,
    Scope,
    Send,
    encode,
    read_address,
    receive_body,
    refuse_method,
    serve,
)
from personalization.callers import Caller, read_credentials
from personalization.doors import DOORS
from personalization.errors import answer_error
from personalization.gate import HotGate
from personalization.mail.calls import MAX_BODY, parse_call, read_base
from personalization.mail.rendering import Renderer

RENDER_PATHS = ("/api/v1/email/render", "/api/v1/email/render/")
DOOR = DOORS["POST /api/v1/email/render"]


class RenderApp:
    """The raw ASGI application behind the path. `base` is where messages lead back to, "" for where the call came."""

    def __init__(self, *, gate: HotGate, renderer: Renderer, base: str) -> None:
        self._gate = gate
        self._renderer = renderer
        self._base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(send, self._answer_or_refuse(scope, receive))

    async def _answer_or_refuse(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return refuse_method(b"POST")
        limit: Headers = ()
        try:
            said = read_credentials(dict(scope["headers"]).get(b"authorization", b""))
            caller, limit = await self._gate.admit(said, DOOR, read_address(scope))
            answer = await self._answer(scope, receive, caller)
        except Exception as error:
            answer = answer_error(error)
        return answer._replace(headers=[*answer.headers, *limit])

    async def _answer(self, scope: Scope, receive: Receive, caller: Caller) -> Answer:
        call = parse_call(await receive_body(receive, MAX_BODY))
        came = f"{scope['scheme']}://{dict(scope['headers']).get(b'host', b'').decode('latin-1')}"
        base = read_base(call.base_url or self._base or came)
        return Answer(200, encode(await self._renderer.render(call, source=caller.source, base=base)))
