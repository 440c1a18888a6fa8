"""Every door, and who may come in: the one table that permissions are read from, and the test that walks them all."""

import re
from typing import NamedTuple

from ingestion.api import KINDS
from ingestion.scopes import Scope
from personalization.callers import NOTHING_SAID, Caller, Kind, UnknownKey


class Door(NamedTuple):
    """Who may come in. `scope` is what a secret key, a token or a session needs, None where they do not help;
    `write_key` says whether the public write key is enough; `session` whether an operator's is looked at; `open`:
    anybody may."""

    scope: Scope | None = None
    write_key: bool = False
    session: bool = True
    open: bool = False


_SDK = Door(write_key=True, session=False)  # what a page, an app or an SDK does with the public key

# `METHOD /path/{name}` for HTTP, `SOCKET frame` for the socket, `GRAPHQL query field` and `GRAPHQL mutation field`.
DOORS: dict[str, Door] = {
    **{f"POST {path}": _SDK for path in KINDS},
    "GET /sourceConfig": _SDK,
    "GET /v1/projects/{key}/settings": _SDK,
    "SOCKET hello": _SDK,
    "SOCKET batch": _SDK,
    "SOCKET decide": _SDK,
    "SOCKET ping": _SDK,
    "POST /api/v1/decide": Door(Scope.DECIDE, write_key=True, session=False),
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
    elif door.scope is None or door.scope not in caller.scopes:
        lacks = "a write key is needed here" if door.scope is None else f"the scope {door.scope.value!r} is missing"
        raise ScopeMissing(f"{lacks}; the caller has {', '.join(sorted(caller.scopes)) or 'none'}")


_CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_GROUP = re.compile(r"\(\?P<([^>]+)>(?:[^()]|\([^()]*\))*\)")


def name_door(method: str, route: str) -> str:
    """The name in the table of a method and a route as Django has it, of `path()` or `re_path()`."""
    path = _CONVERTER.sub(r"{\1}", _GROUP.sub(r"{\1}", route))
    path = re.sub(r"[\^$\\]|/\?|(?:\\Z)", lambda found: "/" if found[0] == "/?" else "", path)
    return f"{'GET' if method == 'HEAD' else method} /{path.strip('/')}"
