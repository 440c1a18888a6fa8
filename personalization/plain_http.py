"""Where TLS is demanded, doors that take keys answer nothing over plain HTTP: a redirect would hide that the key has
been read by everybody on the way. Pages are sent to HTTPS instead, by Django."""

from ingestion.http import Answer, Message
from personalization.errors import CallRefused, answer_error
from personalization.failures import PROGRAMS

KEYED = (*PROGRAMS, "/v1/", "/beacon/", "/sourceConfig", "/edge/", "/oauth/", "/ws/")
PLAIN = ("http", "ws")


def is_exposed(scope: Message) -> bool:
    """Whether a key may have come in the clear. The scheme is what the proxy says, where uvicorn believes it."""
    return scope.get("scheme", "http") in PLAIN and scope["path"].startswith(KEYED)


def refuse_exposed() -> Answer:
    return answer_error(CallRefused("https_needed", "ask over HTTPS, and make another key: this one came in the clear"))
