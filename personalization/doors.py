"""Every door, and who may come in: the one table that permissions are read from, and the test that walks them all."""

import re
from typing import NamedTuple

from ingestion.api import KINDS
from ingestion.scopes import Scope
from personalization.callers import NOTHING_SAID, Caller, Kind, UnknownKey


class Door(NamedTuple):
    """Who may come in. `scope` is what a secret key, a token or a session needs, None where they do not help, and
    `also` another one that it needs besides; `write_key` says whether the public write key is enough; `session`
    whether an operator's is looked at, which raw doors never do; `any_scope`: every key and token, as scopes are asked
    for further in; `open`: anybody may."""

    scope: Scope | None = None
    write_key: bool = False
    session: bool = True
    any_scope: bool = False
    open: bool = False
    also: Scope | None = None

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return tuple(scope for scope in (self.scope, self.also) if scope is not None)


_SDK = Door(write_key=True, session=False)  # what a page, an app or an SDK does with the public key


def _drafts(name: str, read: Scope, write: Scope) -> dict[str, Door]:
    """The doors of definitions that are drafted, revised and published."""
    one = f"/api/v1/{name}/{{slug}}"
    reading = (f"/api/v1/{name}", one, f"{one}/revisions", f"{one}/revisions/{{version}}", f"{one}/diff")
    writing = (f"POST /api/v1/{name}", f"PUT {one}", f"PATCH {one}", f"DELETE {one}")
    return {
        **{f"GET {path}": Door(read) for path in reading},
        **{door: Door(write) for door in (*writing, f"POST {one}/revisions/{{version}}/restore")},
    }


# `METHOD /path/{name}` for HTTP, `SOCKET frame` for the socket, `GRAPHQL query field` and `GRAPHQL mutation field`.
DOORS: dict[str, Door] = {
    **{f"POST {path}": _SDK for path in KINDS},
    "GET /sourceConfig": _SDK,
    "GET /v1/projects/{key}/settings": _SDK,
    "GET /edge/v1/bundle.json": _SDK,
    "GET /edge/v1/facts": _SDK,
    "GET /edge/v1/key": _SDK,
    "GET /edge/v1/slots/{slot}": _SDK,
    "SOCKET hello": _SDK,
    "SOCKET batch": _SDK,
    "SOCKET decide": _SDK,
    "SOCKET ping": _SDK,
    "POST /api/v1/decide": Door(Scope.DECIDE, write_key=True, session=False),
    "POST /api/v1/decide/batch": Door(Scope.DECIDE, session=False),
    "POST /api/v1/email/render": Door(Scope.EMAIL_SEND, session=False),
    "POST /api/v1/events": Door(Scope.EVENTS, session=False),
    "GET /api/v1/profiles": Door(Scope.PROFILES_READ),
    "GET /api/v1/profiles/{id}": Door(Scope.PROFILES_READ),
    "GET /api/v1/profiles/{id}/events": Door(Scope.PROFILES_READ),
    "GET /api/v1/profiles/{id}/transactions": Door(Scope.PROFILES_READ),
    # For these the admin has pages, with permissions of their own.
    "GET /api/v1/profiles/{id}/export": Door(Scope.PROFILES_READ, session=False),
    "GET /api/v1/profiles/{id}/points": Door(Scope.PROFILES_READ, session=False),
    "GET /api/v1/profiles/{id}/points/entries": Door(Scope.PROFILES_READ, session=False),
    # An operator has no source in whose name to speak, and writes into nobody's ledger.
    "PATCH /api/v1/profiles/{id}": Door(Scope.PROFILES_WRITE, session=False),
    "POST /api/v1/profiles/{id}/points/add": Door(Scope.PROFILES_WRITE, session=False),
    "POST /api/v1/profiles/{id}/points/spend": Door(Scope.PROFILES_WRITE, session=False),
    "DELETE /api/v1/profiles/{id}": Door(Scope.ERASE),
    "GET /api/v1/erasures/{id}": Door(Scope.ERASE),
    **_drafts("segments", Scope.SEGMENTS_READ, Scope.SEGMENTS_WRITE),
    "GET /api/v1/segments/{slug}/members": Door(Scope.SEGMENTS_READ),
    "GET /api/v1/segments/{slug}/size": Door(Scope.SEGMENTS_READ),
    **_drafts("slots", Scope.CONTENT_READ, Scope.CONTENT_WRITE),
    **_drafts("blocks", Scope.CONTENT_READ, Scope.CONTENT_WRITE),
    **_drafts("rules", Scope.CONTENT_READ, Scope.CONTENT_WRITE),
    **_drafts("offers", Scope.CONTENT_READ, Scope.CONTENT_WRITE),
    "GET /api/v1/offers/{slug}/codes": Door(Scope.CONTENT_READ),
    "POST /api/v1/offers/{slug}/codes": Door(Scope.CONTENT_WRITE),
    "DELETE /api/v1/offers/{slug}/codes": Door(Scope.CONTENT_WRITE),
    "POST /api/v1/offers/{slug}/codes/generate": Door(Scope.CONTENT_WRITE),
    "GET /api/v1/rules/performance": Door(Scope.CONTENT_READ),
    # Here too an operator goes to the admin's pages.
    "GET /api/v1/back-tests": Door(Scope.CONTENT_READ, session=False),
    "POST /api/v1/back-tests": Door(Scope.CONTENT_READ, session=False),
    "GET /api/v1/back-tests/{id}": Door(Scope.CONTENT_READ, session=False),
    "POST /api/v1/back-tests/{id}/cancel": Door(Scope.CONTENT_READ, session=False),
    "GET /api/v1/definitions": Door(Scope.CONTENT_READ, also=Scope.SEGMENTS_READ),
    "POST /api/v1/definitions": Door(Scope.CONTENT_WRITE, also=Scope.SEGMENTS_WRITE),
    "GET /api/v1/books": Door(Scope.CONTENT_READ),
    "GET /api/v1/books/current": Door(Scope.CONTENT_READ),
    "GET /api/v1/books/{number}": Door(Scope.CONTENT_READ),
    "GET /api/v1/changes": Door(Scope.CONTENT_READ),
    "GET /api/v1/warnings": Door(Scope.CONTENT_READ),
    "GET /api/v1/publications": Door(Scope.CONTENT_READ),
    "GET /api/v1/publications/{id}": Door(Scope.CONTENT_READ),
    "POST /api/v1/publications": Door(Scope.PUBLISH),
    "DELETE /api/v1/publications/{id}": Door(Scope.PUBLISH),
    "POST /api/v1/publish": Door(Scope.PUBLISH),
    "POST /api/v1/books/{number}/roll-back": Door(Scope.PUBLISH),
    "GET /api/v1/decisions": Door(Scope.DECISIONS_READ),
    "GET /api/v1/decisions/{id}": Door(Scope.DECISIONS_READ),
    "GET /api/v1/decisions/{id}/explanation": Door(Scope.DECISIONS_READ),
    "GET /api/v1/catalogue": Door(Scope.CATALOGUE_READ),
    "GET /api/v1/catalogue/{name}": Door(Scope.CATALOGUE_READ),
    "PATCH /api/v1/catalogue/{name}": Door(Scope.CATALOGUE_WRITE),
    # A token of its own, or from this machine alone: personalization/metrics_door.py.
    "GET /metrics": Door(session=False),
    "POST /graphql": Door(session=False, any_scope=True),
    "GRAPHQL query customer": Door(Scope.PROFILES_READ, session=False),
    "GRAPHQL query customers": Door(Scope.PROFILES_READ, session=False),
    "GRAPHQL query segments": Door(Scope.SEGMENTS_READ, session=False),
    "GRAPHQL query slots": Door(Scope.DECIDE, session=False),
    "GRAPHQL query decide": Door(Scope.DECIDE, session=False),
    "GRAPHQL mutation setTraits": Door(Scope.PROFILES_WRITE, session=False),
    "GRAPHQL mutation setConsent": Door(Scope.PROFILES_WRITE, session=False),
}


class NoDoor(Exception):
    """Nobody has said who may come in here, so nobody may."""


class ScopeMissing(Exception):
    """The caller is known, and may not do this."""


class SecretKeyNeeded(Exception):
    """The public write key is not enough for this."""


def find_door(name: str) -> Door:
    """Raises NoDoor."""
    door = DOORS.get(name)
    if door is None:
        raise NoDoor(f"nobody may come in at {name}")
    return door


def let_in(caller: Caller | None, door: Door) -> None:
    """Raises UnknownKey, SecretKeyNeeded or ScopeMissing for who may not come in."""
    if door.open:
        return
    if caller is None:
        raise UnknownKey(NOTHING_SAID)
    if caller.kind is Kind.SESSION and not door.session:
        raise UnknownKey(NOTHING_SAID)
    if caller.kind is Kind.WRITE_KEY:
        if not door.write_key:
            raise SecretKeyNeeded("the write key is not enough here: use a secret key or a token")
    elif not door.any_scope and (not door.scopes or not caller.scopes.issuperset(door.scopes)):
        missing = next((scope for scope in door.scopes if scope not in caller.scopes), None)
        lacks = "a write key is needed here" if missing is None else f"the scope {missing.value!r} is missing"
        raise ScopeMissing(f"{lacks}; the caller has {', '.join(sorted(caller.scopes)) or 'none'}")


_CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_GROUP = re.compile(r"\(\?P<([^>]+)>(?:[^()]|\([^()]*\))*\)")


def name_door(method: str, route: str) -> str:
    """The name in the table of a method and a route as Django has it, of `path()` or `re_path()`."""
    path = _CONVERTER.sub(r"{\1}", _GROUP.sub(r"{\1}", route))
    path = re.sub(r"\\Z|[\^$\\]|/\?", lambda found: "/" if found[0] == "/?" else "", path)
    return f"{'GET' if method == 'HEAD' else method} /{path.strip('/')}"
