"""Who was kept out, in the log: at which door, why, and by which login or key. Never what somebody sent, nor a name."""

import logging
import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

logger = logging.getLogger(__name__)

KEPT_OUT = (401, 403)
WINDOW_S = 60
NOBODY = "nobody"


def note_refusal(door: str, why: str, by: str = NOBODY) -> None:
    """`door` is a route or a path of ours, `why` a code or status, `by` a login or key by its number."""
    logger.warning("access refused", extra={"told": {"door": door, "why": why, "by": by}})


class AtMost(logging.Filter):
    """So many lines a minute of one process: the next one that is written says how many were left out before it."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = per_minute
        self._clock = clock
        self._since, self._lines, self._left_out = clock(), 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        if now - self._since >= WINDOW_S:
            self._since, self._lines = now, 0
        if self._lines >= self._most:
            self._left_out += 1
            return False
        self._lines += 1
        if self._left_out:
            record.told = {**getattr(record, "told", {}), "left_out": self._left_out}
            self._left_out = 0
        return True


@sync_and_async_middleware
def note_refusals(respond: Any) -> Any:
    """Middleware: of what Django's side answers."""

    def note(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.status_code in KEPT_OUT:
            match = request.resolver_match
            data: Any = getattr(response, "data", None)
            why = data.get("code") if isinstance(data, dict) else None
            note_refusal("" if match is None else match.route, str(why or response.status_code), _name_caller(request))
        return response

    if iscoroutinefunction(respond):

        async def answer_soon(request: HttpRequest) -> HttpResponse:
            return note(request, await respond(request))

        return answer_soon

    def answer(request: HttpRequest) -> HttpResponse:
        return note(request, respond(request))

    return answer


def _name_caller(request: HttpRequest) -> str:
    """Without asking anybody: what has been looked up on the way."""
    if (caller := getattr(request, "caller", None)) is not None:
        return str(caller.words)
    user = getattr(request, "_cached_user", None)
    return NOBODY if user is None or user.pk is None else name_login(user.pk)


def name_login(pk: int) -> str:
    return f"login {pk}"
