"""`POST /api/v1/email/render`: one template, up to 500 people, a message for each. Raw ASGI."""

from ingestion.http import Answer, Receive, Scope, Send, encode, receive_body, refuse, refuse_method, serve
from personalization.callers import read_credentials
from personalization.doors import DOORS
from personalization.errors import answer_error
from personalization.gate import HotGate
from personalization.mail.calls import MAX_BODY, CallRefused, parse_call, read_base
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
        try:
            return await self._answer(scope, receive)
        except CallRefused as refused:
            return refuse(refused.status, refused.code, refused.message)
        except Exception as error:
            return answer_error(error)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return refuse_method(b"POST")
        headers = dict(scope["headers"])
        said = read_credentials(headers.get(b"authorization", b""))
        caller, limits = await self._gate.admit(said, DOOR, (scope["client"] or ("", 0))[0])
        call = parse_call(await receive_body(receive, MAX_BODY))
        came = f"{scope['scheme']}://{headers.get(b'host', b'').decode('latin-1')}"
        base = read_base(call.base_url or self._base or came)
        return Answer(200, encode(await self._renderer.render(call, source=caller.source, base=base)), limits)
