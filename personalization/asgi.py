"""The front of the web process: hot doors go straight to their raw applications, the rest through Django."""

import gc
import logging
import os
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalization.settings")

from django.core.asgi import get_asgi_application  # needs the line above

django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from ingestion.closing import ORIGIN_REFUSED  # noqa: E402
from ingestion.http import Message, Receive, Send, refuse, send_answer  # noqa: E402
from personalization import health, metrics_door  # noqa: E402  # these need Django's settings in place
from personalization.bodies import FORM_BYTES, serve_bounded  # noqa: E402
from personalization.errors import FAULT  # noqa: E402
from personalization.media_files import serve_media  # noqa: E402
from personalization.metrics import start_process  # noqa: E402
from personalization.plain_http import is_exposed, refuse_exposed  # noqa: E402
from personalization.refused import KEPT_OUT, note_refusal  # noqa: E402
from personalization.safe_headers import SafeHeaders, SafeSend  # noqa: E402
from personalization.static_files import make_static_app  # noqa: E402
from personalization.web import Web, make_health_app, make_metrics_app  # noqa: E402

logger = logging.getLogger(__name__)

# Objects made before young ones are looked through, and how often older ones are: a profile alone has hundreds.
COLLECTED_AFTER = (50_000, 20, 20)
SOCKET_PATHS = ("/ws/v1/", "/ws/v1")
STUDIO_PATH = "/studio/live/"  # by HTTP it is a page


class Application:
    """Dispatches by path. Parts are made at lifespan start-up, inside the event loop that will run them. `metrics` is
    the folder in which the process keeps what it measures; without one it is kept in memory, and told to nobody."""

    def __init__(self, metrics: Path | None = None) -> None:
        self._kept = metrics
        self._web: Web | None = None
        self._static = make_static_app()
        self._health = make_health_app()
        self._safe = SafeHeaders(is_https=settings.PZ_HTTPS, with_subdomains=settings.PZ_HSTS_SUBDOMAINS)
        self._metrics = make_metrics_app()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await self._open_socket(scope, receive, send)
        else:
            await self._answer_or_fail(scope, receive, self._safe.wrap(scope, send))

    async def _answer_or_fail(self, scope: Message, receive: Receive, send: SafeSend) -> None:
        """What a door did not foresee is written down, and the caller told no more than that."""
        try:
            await self._answer(scope, receive, send)
        except Exception:
            if send.has_begun:
                raise
            logger.exception("A door did not foresee this")
            await send_answer(send, refuse(FAULT.status, FAULT.code, str(FAULT.says), title=FAULT.title))

    async def _answer(self, scope: Message, receive: Receive, send: SafeSend) -> None:
        if settings.PZ_HTTPS and is_exposed(scope):
            await send_answer(send, refuse_exposed())
            note_refusal("plain HTTP", "https_needed")
        elif self._web is not None and (door := self._web.find_door(scope["path"])) is not None:
            await door(scope, receive, send)
            if send.status in KEPT_OUT:
                note_refusal(self._web.name_door(scope["path"]), str(send.status))
        elif scope["path"].startswith(settings.STATIC_URL):
            await self._static(scope, receive, send)
        elif scope["path"].startswith(settings.MEDIA_URL):
            await serve_media(scope, send)
        elif scope["path"].startswith(health.PREFIX):
            await self._health(scope, send)
        elif scope["path"] == metrics_door.PATH:
            await self._metrics(scope, send)
        else:
            most = settings.PZ_MAX_LIST_BYTES + FORM_BYTES
            await serve_bounded(django_application, scope, receive, send, most=most)

    async def _open_socket(self, scope: Message, receive: Receive, send: Send) -> None:
        if settings.PZ_HTTPS and is_exposed(scope):
            await send({"type": "websocket.close", "code": ORIGIN_REFUSED[0]})
        elif self._web is not None and scope["path"] in SOCKET_PATHS:
            await self._web.socket(scope, receive, send)
        elif self._web is not None and scope["path"] == STUDIO_PATH:
            await self._web.studio(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4404})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self._kept is not None:
                    start_process(self._kept, "web")
                web = Web()
                await web.start()
                self._web = web
                # What has been made by now stays to the end: no collection has to look at it again and again.
                gc.collect()
                gc.freeze()
                gc.set_threshold(*COLLECTED_AFTER)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if self._web is not None:
                    await self._web.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


application = Application(settings.PZ_METRICS)
