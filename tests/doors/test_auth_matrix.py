"""Every door x every kind of key: who gets in is what the table of doors says, and a door without a row fails."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import httpx
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from graphql import (
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)
from websockets.sync.client import connect

from ingestion.api import KINDS
from ingestion.consumers import Frame
from ingestion.scopes import Scope
from personalization import wiring
from personalization.callers import PERMISSIONS
from personalization.doors import DOORS, Door, name_door
from personalization.graphql.schema import schema
from profiles.clients import Client
from tests.doors.conftest import WRITE_KEY, Web
from tests.doors.keyring import EXPIRED_SECRET, REVOKED_SECRET, REVOKED_TOKEN, keep_tokens, name_secret, name_token

ROOTS = (" /api/v1", " /graphql")
RAW = (
    "POST /v1/",
    "POST /beacon/",
    "GET /sourceConfig",
    "GET /v1/",
    "GET /edge/",
    "POST /api/v1/decide",
    "POST /api/v1/email/",
    "POST /graphql",
)
EXAMPLES = ("1", "x", "00000000-0000-0000-0000-000000000000")  # of what stands in an address
REFUSED_CODES = {"unknown_key", "scope_missing", "secret_key_needed", "forbidden", "no_door"}


class Kind(NamedTuple):
    """A kind of caller: what it sends for a door that asks for `scopes`, and whether the table lets it in."""

    name: str
    gets_in: Callable[[Door], bool]
    write_key: str = ""
    bearer: Callable[[tuple[Scope, ...]], str] | None = None
    has_permission: bool | None = None  # of an operator's session


def _never(door: Door) -> bool:
    return False


def _always_when_open(door: Door) -> bool:
    return door.open


def _with_scope(door: Door) -> bool:
    return door.open or door.any_scope or door.scope is not None


def _without_scope(door: Door) -> bool:
    return door.open or door.any_scope


KINDS_OF_KEY = (
    Kind("none", _always_when_open),
    Kind("write key", lambda door: door.open or door.write_key, write_key=WRITE_KEY),
    Kind("unknown write key", _never, write_key="wk-unknown"),
    Kind("unknown secret key", _never, bearer=lambda scopes: "sk-unknown"),
    Kind("revoked secret key", _never, bearer=lambda scopes: REVOKED_SECRET),
    Kind("expired secret key", _never, bearer=lambda scopes: EXPIRED_SECRET),
    Kind("revoked token", _never, bearer=lambda scopes: REVOKED_TOKEN),
    Kind("secret key without the scope", _without_scope, bearer=lambda scopes: name_secret(*scopes, has=False)),
    Kind("secret key with the scope", _with_scope, bearer=lambda scopes: name_secret(*scopes, has=True)),
    Kind("token without the scope", _without_scope, bearer=lambda scopes: name_token(*scopes, has=False)),
    Kind("token with the scope", _with_scope, bearer=lambda scopes: name_token(*scopes, has=True)),
    Kind("operator without the permission", lambda door: door.open, has_permission=False),
    Kind(
        "operator with the permission",
        lambda door: door.open or (door.session and (door.any_scope or door.scope in PERMISSIONS)),
        has_permission=True,
    ),
)


class Route(NamedTuple):
    """A way in that was found: its name in the table, and an address that leads there."""

    name: str
    path: str


def find_routes(urlconf: str | None = None) -> list[Route]:
    """Every route under the roots, by what Django's resolver and the views themselves say."""
    return sorted(set(_walk(get_resolver(urlconf).url_patterns, "", urlconf)))


def _walk(patterns: list[Any], route: str, urlconf: str | None) -> Iterator[Route]:
    for each in patterns:
        here = route + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, here, urlconf)
        elif isinstance(each, URLPattern) and name_door("", here).startswith(ROOTS) and "(?P<format>" not in here:
            for method in _methods(each.callback):
                name = name_door(method, here)
                yield Route(name, _find_address(name, here, urlconf))


def _find_address(name: str, route: str, urlconf: str | None) -> str:
    """An address that leads to the route."""
    for example in EXAMPLES:
        for end in ("", "/"):
            address = re.sub(r"\{\w+\}", example, name.partition(" ")[2]) + end
            with suppress(Resolver404):
                if resolve(address, urlconf).route == route:
                    return address
    raise AssertionError(f"no example leads to {route}: add one to EXAMPLES")


def _methods(view: Any) -> list[str]:
    """What the view answers to, by its class; of a function nobody can tell, so the table has to."""
    kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if hasattr(view, "actions"):
        named = list(view.actions)
    elif kind is not None:
        said = view.view_initkwargs.get("http_method_names", kind.http_method_names)
        named = [name for name in said if hasattr(kind, name)]
    else:
        named = ["get", "post"]
    return [name.upper() for name in named if name not in ("options", "head", "trace")]


ROUTES = find_routes()
RAW_DOORS = [name for name in DOORS if name.startswith(RAW)]
SOCKET_DOORS = [f"SOCKET {frame.__struct_config__.tag}" for frame in Frame.__args__]


def graphql_fields() -> list[tuple[str, str]]:
    """The fields one can begin with, each with a query that asks for it."""
    asked = schema.graphql_schema
    roots = (("query", asked.query_type), ("mutation", asked.mutation_type))
    return [
        (f"GRAPHQL {kind} {name}", f"{kind} {{ {name}{_arguments(field)}{_selection(field)} }}")
        for kind, root in roots
        if root is not None
        for name, field in root.fields.items()
    ]


def _arguments(field: Any) -> str:
    said = [f"{name}: {_value(one.type)}" for name, one in field.args.items() if is_required_argument(one)]
    return f"({', '.join(said)})" if said else ""


def _value(kind: Any) -> str:
    bare = get_nullable_type(kind)
    if is_list_type(bare):
        return f"[{_value(bare.of_type)}]"
    if is_input_object_type(bare):
        return "{" + ", ".join(f"{name}: {_value(each.type)}" for name, each in bare.fields.items()) + "}"
    return {"Int": "1", "Float": "1.0", "Boolean": "true", "JSON": '{x: "y"}'}.get(bare.name, '"x"')


def _selection(field: Any) -> str:
    return "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"


@pytest.fixture
def keyring(web: Web, redis_client: Client) -> Web:
    """The running web process, with tokens of every kind in force; the doors of Django's side start from nothing."""
    keep_tokens(redis_client)
    wiring.gate.cache_clear()
    return web


def scopes_of(door: Door) -> tuple[Scope, ...]:
    return door.scopes or (Scope.DECIDE,)


def headers_of(kind: Kind, door: Door) -> dict[str, str]:
    return {} if kind.bearer is None else {"Authorization": f"Bearer {kind.bearer(scopes_of(door))}"}


def sign_in(kind: Kind, door: Door) -> Browser:
    """A browser in which an operator is signed in who may do what the scope stands for, or everything else."""
    browser = Browser(raise_request_exception=False)
    if kind.has_permission is not None:
        user = User.objects.create_user(f"operator-{User.objects.count()}", is_staff=True)
        needed = [name for scope in scopes_of(door) for name in PERMISSIONS.get(scope, ())]
        names = [name.split(".")[1] for name in needed]
        chosen = Permission.objects.filter(codename__in=names)
        others = Permission.objects.exclude(codename__in=names)
        user.user_permissions.set(chosen if kind.has_permission else others)
        browser.force_login(user)
    return browser


def is_in(status: int, said: Any) -> bool:
    """Whether a call got past the door, whatever became of it there."""
    code = said.get("code") if isinstance(said, dict) else None
    assert status < 500 or code == "unavailable", (status, said)
    return status not in (401, 403) and code not in REFUSED_CODES


def test_there_are_as_many_doors_as_we_think() -> None:
    assert len(RAW_DOORS) >= len(KINDS) + 9
    assert len(SOCKET_DOORS) == 4
    assert len(graphql_fields()) >= 7
    assert len(KINDS_OF_KEY) == 13
    assert set(PERMISSIONS) == {scope for scope in Scope if scope is not Scope.EVENTS}


def test_every_way_in_has_its_row() -> None:
    """Of a route, a frame of the socket or a field of GraphQL without one, say in personalization/doors.py who may."""
    found = {*SOCKET_DOORS, *(route.name for route in ROUTES), *(name for name, _ in graphql_fields())}
    assert found - DOORS.keys() == set()


def test_every_row_outside_of_rest_is_tried() -> None:
    elsewhere = {"GET /metrics"}  # asks for a token of its own: tests/observing/test_metrics.py
    tried = {*RAW_DOORS, *SOCKET_DOORS, *(name for name, _ in graphql_fields()), *elsewhere}
    assert {name for name in DOORS if " /api/v1/" not in name} - tried == set()


@pytest.mark.django_db
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_who_gets_in_at_a_route(keyring: Web, route: Route) -> None:
    assert try_every_key(route) == {kind.name: kind.gets_in(DOORS[route.name]) for kind in KINDS_OF_KEY}


def try_every_key(route: Route) -> dict[str, bool]:
    door, method = DOORS[route.name], route.name.partition(" ")[0]
    seen = {}
    for kind in KINDS_OF_KEY:
        headers = headers_of(kind, door)
        if kind.write_key:
            headers["Authorization"] = httpx.BasicAuth(kind.write_key, "")._auth_header
        answer = sign_in(kind, door).generic(method, route.path, "{}", content_type="application/json", headers=headers)
        seen[kind.name] = is_in(answer.status_code, _read(answer.content))
    return seen


@pytest.mark.django_db
@pytest.mark.parametrize("name", RAW_DOORS)
def test_who_gets_in_at_a_raw_door(keyring: Web, name: str) -> None:
    door = DOORS[name]
    method, _, path = name.partition(" ")
    seen = {}
    for kind in KINDS_OF_KEY:
        query = {"writeKey": kind.write_key} if method == "GET" and kind.write_key else None
        answer = httpx.request(
            method,
            keyring.url + path.replace("{key}", kind.write_key or "none").replace("{slot}", "hero"),
            headers=headers_of(kind, door),
            params=query,
            auth=(kind.write_key, "") if kind.write_key and method == "POST" else None,
            cookies={each.key: each.value for each in sign_in(kind, door).cookies.values()},
            json={"slots": ["hero"], "type": "track", "batch": [], "event": "Seen", "anonymousId": "anna"}
            if method == "POST"
            else None,
        )
        # To a door that takes write keys alone a Bearer says nothing, and who says nothing is not known.
        seen[kind.name] = is_in(answer.status_code, _read(answer.content))
    assert seen == {kind.name: kind.gets_in(door) for kind in KINDS_OF_KEY}


@pytest.mark.parametrize("name", SOCKET_DOORS)
def test_who_gets_in_at_the_socket(keyring: Web, name: str) -> None:
    door, kind_of_frame = DOORS[name], name.partition(" ")[2]
    frames = {
        "batch": {"type": "batch", "id": 1, "batch": []},
        "decide": {"type": "decide", "id": 1, "slots": ["hero"]},
        "ping": {"type": "ping"},
    }
    answers = {"batch": "ack", "decide": "decision", "ping": "pong", "hello": "welcome"}
    seen = {}
    for kind in KINDS_OF_KEY:
        said = kind.write_key or ("" if kind.bearer is None else kind.bearer(scopes_of(door)))
        with connect(keyring.socket_url, additional_headers=headers_of(kind, door)) as socket:
            socket.send(json.dumps({"type": "hello", "v": 1, "writeKey": said, "anonymousId": "anna"}))
            answer = json.loads(socket.recv(10))
            if kind_of_frame != "hello" and answer["type"] == "welcome":
                socket.send(json.dumps(frames[kind_of_frame]))
                answer = json.loads(socket.recv(10))
        assert answer["type"] == answers[kind_of_frame] or answer["code"] == "unknown_key"
        seen[kind.name] = answer["type"] == answers[kind_of_frame]
    assert seen == {kind.name: kind.gets_in(door) for kind in KINDS_OF_KEY}


@pytest.mark.parametrize(("name", "query"), graphql_fields(), ids=[name for name, _ in graphql_fields()])
def test_who_gets_in_at_a_field(keyring: Web, name: str, query: str) -> None:
    door = DOORS[name]
    seen = {}
    for kind in KINDS_OF_KEY:
        auth = (kind.write_key, "") if kind.write_key else None
        answer = httpx.post(f"{keyring.url}/graphql", json={"query": query}, headers=headers_of(kind, door), auth=auth)
        codes = {error.get("extensions", {}).get("code") for error in answer.json().get("errors", ())}
        assert "bad_query" not in codes, answer.text
        seen[kind.name] = answer.status_code not in (401, 403) and not codes & REFUSED_CODES
    assert seen == {kind.name: kind.gets_in(door) for kind in KINDS_OF_KEY}


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
