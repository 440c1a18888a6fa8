"""`/static/`, the snippet among it: what was collected, with the headers that pages of any site need."""

from wsgiref.headers import Headers

from django.conf import settings
from servestatic import ServeStaticASGI

from ingestion.http import Receive, Scope, Send, refuse, send_answer

MAX_AGE_S = 300  # how long a page may keep an old snippet after an upgrade; then it asks with the ETag


def make_static_app() -> ServeStaticASGI:
    """The raw ASGI application of the files under STATIC_ROOT. It reads the folder once: they change with a start."""
    return ServeStaticASGI(
        _answer_missing,
        root=settings.STATIC_ROOT,
        prefix=settings.STATIC_URL,
        max_age=MAX_AGE_S,
        add_headers_function=_add_headers,
    )


def _add_headers(headers: Headers, path: str, url: str) -> None:
    # Also for pages that ask every part of theirs for a word (COEP).
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    headers["X-Content-Type-Options"] = "nosniff"


async def _answer_missing(scope: Scope, receive: Receive, send: Send) -> None:
    await send_answer(send, refuse(404, "not_found", "there is no such file"))
