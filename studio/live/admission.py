"""Who may open a socket of the Studio: a page of ours, with a session that is good, of somebody who works here."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.models import User
from django.db import connection
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.crypto import constant_time_compare
from django.utils.http import is_same_domain

from studio.account.second_factor import lacks_second_step
from studio.roles import Visitor, find_visitor
from studio.sessions import SessionStore

Headers = Mapping[bytes, bytes]


def is_our_page(headers: Headers) -> bool:
    """Whether the browser says that a page of this very host opens the socket, or one of CSRF_TRUSTED_ORIGINS."""
    origin, host = headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"").decode("latin-1").lower()
    domain, _ = split_domain_port(host)
    if not origin or not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return False
    if parts.scheme in ("http", "https") and parts.netloc == host:
        return parts.scheme == "https" or not settings.PZ_HTTPS
    return any(_is_trusted(parts.scheme, parts.netloc, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _is_trusted(scheme: str, netloc: str, trusted: str) -> bool:
    parts = urlsplit(trusted.lower().replace("*.", ".", 1))
    return scheme == parts.scheme and is_same_domain(netloc, parts.netloc)


def find_session_key(headers: Headers) -> str:
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    return cookies.get(settings.SESSION_COOKIE_NAME, "")


def find_admitted(session_key: str) -> Visitor | None:
    """Whose session it is, as long as it lasts and they work here; for a thread of its own. The session is not touched:
    a socket could not tell the browser of another cookie."""
    try:
        return _find(session_key)
    finally:
        connection.close()  # of this thread, which may never be used for this again


def _find(session_key: str) -> Visitor | None:
    session = SessionStore(session_key)
    try:
        user_id, backend = session[SESSION_KEY], session[BACKEND_SESSION_KEY]
    except KeyError:
        return None
    if backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = load_backend(backend).get_user(User._meta.pk.to_python(user_id))
    if not isinstance(user, User) or not _is_current(str(session.get(HASH_SESSION_KEY, "")), user):
        return None
    return None if lacks_second_step(user) else find_visitor(user)


def _is_current(said: str, user: User) -> bool:
    """A changed password ends every session."""
    good = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(said, each) for each in good)
