"""Django's sessions in the database, each with the login it belongs to: the engine named by SESSION_ENGINE."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

USER = "_auth_user_id"  # where django.contrib.auth keeps it
STARTED, ADDRESS, AGENT = "pz_started", "pz_address", "pz_agent"  # noted at sign-in (studio.account)


class SessionStore(DatabaseSessions):
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
