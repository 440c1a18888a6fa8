"""The front of the web process: hot doors go straight to their raw applications, the rest through Django."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalization.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from ingestion.log import LogUnavailable
from personalization.api import DECIDE_PATHS, DecideApp, respond_unavailable
from personalization.consumers import VisitorConsumer
from personalization.wiring import Web, make_ingest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

INGEST_PREFIXES = ("/v1/", "/beacon/", "/sourceConfig")
SOCKET_PATHS = ("/ws/v1/", "/ws/v1")


class Application:
    """Dispatches by path. Parts are made at lifespan start-up, inside the event loop that will run them."""

    def __init__(self) -> None:
        self._web: Web | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and self._web is not None and _is_hot(scope["path"]):
            await self._serve_hot(scope, receive, send)
        elif scope["type"] == "websocket" and self._web is not None and scope["path"] in SOCKET_PATHS:
            await self._socket(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4404})
        else:
            await django_application(scope, receive, send)

    async def _serve_hot(self, scope: Message, receive: Receive, send: Send) -> None:
        door = self._decide if scope["path"] in DECIDE_PATHS else self._ingest
        try:
            await door(scope, receive, send)
        except LogUnavailable:
            await respond_unavailable(send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._web is not None:
                    await self._web.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self) -> None:
        web = Web()
        await web.start()
        self._decide = DecideApp(directory=web.snapshots.live_directory, decider=web.decider)
        self._ingest = make_ingest(web)
        self._socket = VisitorConsumer.as_asgi(web=web)
        self._web = web


def _is_hot(path: str) -> bool:
    return path.startswith(INGEST_PREFIXES) or path in DECIDE_PATHS


application = Application()
