"""Django's sessions in the database, each with the login it belongs to: the engine named by SESSION_ENGINE. One is over
when nobody has used it for a while, and some time after the sign-in in any case."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.utils import timezone

USER = "_auth_user_id"  # where django.contrib.auth keeps it
STARTED, ADDRESS, AGENT = "pz_started", "pz_address", "pz_agent"  # noted at sign-in (studio.account)
BY_ITSELF = "X-By-Itself"  # the header of what an open page asks for without anybody's doing (static/studio/refresh.js)
SEEN_EVERY = timedelta(minutes=1)  # so often it is written down that a session is in use


def find_idle_since(now: datetime) -> datetime:
    """Sessions that were not used since are over."""
    return now - timedelta(minutes=settings.PZ_SESSION_IDLE_MINUTES)


class SessionStore(DatabaseSessions):
    is_used = False  # whether somebody's own request asks, and not a socket or a page by itself

    @classmethod
    def get_model_class(cls) -> Any:
        from studio.models import Session  # the engine is imported before apps are ready

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session: Any = super().create_model_instance(data)
        session.user_id = int(data[USER]) if USER in data else None
        session.started = datetime.fromtimestamp(data[STARTED], UTC) if STARTED in data else None
        session.address = data.get(ADDRESS)
        session.agent = str(data.get(AGENT, ""))[:200]
        return session

    def get_session_cookie_age(self) -> int:
        """What is left of it, in seconds: to save a session does not prolong it."""
        age: int = super().get_session_cookie_age()
        return max(0, int(self.get(STARTED, time.time()) + age - time.time()))

    def _get_session_from_db(self) -> Any:
        session = super()._get_session_from_db()  # type: ignore[misc]  # the stubs do not know it
        if session is None:
            return None
        now = timezone.now()
        if session.seen <= find_idle_since(now):
            session.delete()
            self._session_key = None
            return None
        if self.is_used and session.seen <= now - SEEN_EVERY:
            self.get_model_class().objects.filter(pk=session.pk).update(seen=now)
        return session

    async def _aget_session_from_db(self) -> Any:
        return await sync_to_async(self._get_session_from_db)()


class Sessions(SessionMiddleware):
    """Middleware: Django's own, and sessions come to know whether somebody uses them."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.is_used = BY_ITSELF not in request.headers  # type: ignore[attr-defined]  # our own store
