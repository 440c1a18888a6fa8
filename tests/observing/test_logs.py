"""No process writes a word about a person: what is planted at every door, in refusals, errors and crashes, is in
nothing that a product has written, and every line of it is one JSON object."""

import json
import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psycopg
import pytest
from django.urls import URLResolver, get_resolver
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from personalization.doors import DOORS
from personalization.logs import make_formatter, tell_foreign
from profiles import keys
from profiles.event import anonymous_key, derive_profile_id
from tests.product import Product, open_folder, wait_until
from tests.stories.inside import Inside

MARK = "zq7f3a9c1e8b42d605b1"
MAIL = f"{MARK}@example.com"
PROFILE = derive_profile_id(anonymous_key(MARK))
SETTLED = "zq-settled"  # who comes last: all before has been worked on

MAKE_KEY = """
from ingestion.actions import create_secret_key
from ingestion.models import Source
from ingestion.scopes import Scope
print(create_secret_key(Source.objects.get(slug="demo-shop"), scopes=list(Scope))[1])
"""
FAIL_A_TASK = "from personalization.tasks import try_draft; try_draft.delay('{}')"


@pytest.fixture(scope="module")
def chatty() -> Iterator[Product]:
    """A product of its own that says all it can, as programs read it."""
    with open_folder() as folder:
        with Product(folder / "data", LOG_FORMAT="json", LOG_LEVEL="INFO", PZ_VISITOR_CALLS="0") as product:
            yield product


@pytest.fixture(scope="module")
def inside(chatty: Product) -> Inside:
    return Inside(chatty)


@pytest.fixture
def client(chatty: Product) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=chatty.url, timeout=60, trust_env=False) as client:
        yield client


def message(**more: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": f"Event {MARK}",
        "anonymousId": MARK,
        "messageId": f"{MARK}-{uuid.uuid4().hex}",
        "properties": {"code": MARK, "email": MAIL},
        "context": {"traits": {"email": MAIL}, "page": {"url": f"https://shop.example/{MARK}?token={MARK}"}},
        **more,
    }


def read_lines(product: Product) -> list[dict[str, Any]]:
    """Raises ValueError for a line that is no JSON."""
    return [json.loads(line) for line in product.output.splitlines()]


def find_marks(product: Product, *more: str) -> list[str]:
    """Lines of any output or log that name somebody, or give a secret away."""
    written = [product.output, *(path.read_text(errors="replace") for path in product.data.glob("*.log"))]
    secrets = [MARK, PROFILE, str(uuid.UUID(PROFILE)), *more]
    return [line for text in written for line in text.splitlines() if any(secret in line for secret in secrets)]


@pytest.mark.story
def test_nothing_of_a_person_is_written(chatty: Product, inside: Inside, client: httpx.Client) -> None:
    secret = chatty.manage("shell", "-v", "0", "-c", MAKE_KEY).stdout.strip()
    visit_every_door(client, inside.write_key, secret)
    talk_to_the_socket(chatty, inside.write_key)
    _, password = sign_in(client, chatty)
    visit_every_page(client)
    break_the_archive(inside, client)
    break_a_profile(inside, client, secret)
    break_the_pages(inside, client)
    chatty.manage("shell", "-v", "0", "-c", FAIL_A_TASK.format(MARK))
    client.post("/v1/track", json=message(anonymousId=SETTLED, event="Seen"), auth=(inside.write_key, ""))
    wait_until(lambda: has_failed(chatty, "celery"), 60)
    session = client.cookies.get("sessionid") or "no session"
    said = find_marks(chatty, inside.write_key, secret, session, password, *chatty.settings.values())
    assert said == []
    lines = read_lines(chatty)
    assert {line["level"] for line in lines} >= {"warning", "error"}
    troubled = {line["process"] for line in lines if line["level"] == "error"}
    assert troubled >= {"web", "processor", "archiver", "worker"}, "the crashes were not seen"
    assert [line for line in lines if line["level"] == "error" and not line["event"]] == []


def has_failed(product: Product, logger: str) -> bool:
    return any(line["level"] == "error" and line.get("logger", "").startswith(logger) for line in read_lines(product))


def visit_every_door(client: httpx.Client, write_key: str, secret: str) -> None:
    bodies = (
        json.dumps({**message(), "userId": MARK, "slots": [MARK], "batch": [message(), {"type": MARK}, MARK]}),
        f'{{"{MARK}',
    )
    for name in DOORS:
        method, _, path = name.partition(" ")
        if method in ("SOCKET", "GRAPHQL"):
            continue
        path = re.sub(r"\{\w+\}", MARK, path)
        for authorization in (f"Bearer {secret}", f"Bearer {MARK}", httpx.BasicAuth(write_key, "")):
            headers = {"Authorization": authorization} if isinstance(authorization, str) else {}
            auth = None if headers else authorization
            for body in bodies[: 2 if headers and method != "GET" else 1]:
                client.request(
                    method,
                    path,
                    content=None if method == "GET" else body,
                    params={"q": MARK, "email": MAIL, "cursor": MARK} if method == "GET" else None,
                    headers={
                        **headers,
                        "Content-Type": "application/json",
                        "Idempotency-Key": MARK,
                        "User-Agent": MARK,
                    },
                    auth=auth,  # type: ignore[arg-type]  # None is none
                )
    query = {"query": f'{{ customer(userId: "{MAIL}") {{ id {MARK} }} }}', "variables": {"x": MARK}}
    client.post("/graphql", json=query, headers={"Authorization": f"Bearer {secret}"})
    client.get(f"/t/o/{MARK}.gif")
    client.get(f"/nowhere/{MARK}", headers={"Host": f"{MARK}.example"})
    client.post("/oauth/token/", data={"client_id": MARK, "client_secret": MARK, "grant_type": "client_credentials"})


def talk_to_the_socket(product: Product, write_key: str) -> None:
    hello = {"type": "hello", "v": 1, "writeKey": write_key, "anonymousId": MARK, "context": {"email": MAIL}}
    frames: tuple[Any, ...] = (
        [{**hello, "writeKey": MARK}],
        [
            hello,
            {"type": "batch", "id": MARK, "batch": [message(), {"type": MARK}]},
            {"type": "decide", "slots": [MARK]},
        ],
        [hello, {"type": MARK}],
        [{"type": MARK}],
    )
    for spoken in frames:
        with suppress(WebSocketException, TimeoutError):
            with connect(f"ws://127.0.0.1:{product.port}/ws/v1/?email={MAIL}", compression=None) as socket:
                for frame in spoken:
                    socket.send(json.dumps(frame))
                    socket.recv(timeout=10)


def sign_in(client: httpx.Client, product: Product) -> tuple[str, str]:
    """Wrongly, then rightly."""
    for name, password in ((MAIL, MARK), product.login):
        client.get("/studio/sign-in/")
        form = {"username": name, "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        client.post("/studio/sign-in/", data=form, headers={"Referer": str(client.base_url)})
    client.post("/studio/sign-in/", data={"username": MAIL})  # forged
    return product.login


def visit_every_page(client: httpx.Client) -> None:
    """Each of the Studio and of the admin, about somebody who is not there."""
    for path in sorted(set(list_pages(get_resolver().url_patterns, "/"))):
        if path.startswith(("/studio/", "/demo/", "/oauth/", "/admin/profiles/")):
            client.get(path, params={"q": MARK, "anonymousId": MARK})


def list_pages(patterns: list[Any], before: str) -> Iterator[str]:
    for each in patterns:
        here = before + re.sub(r"<(?:(\w+):)?\w+>", _example, str(each.pattern))
        if isinstance(each, URLResolver):
            yield from list_pages(each.url_patterns, here)
        elif not re.search(r"[<>()^$\\]", here):
            yield here


def _example(place: "re.Match[str]") -> str:
    return {"int": "987654321", "uuid": str(uuid.UUID(PROFILE))}.get(place[1], MARK)


def execute(inside: Inside, *statements: str) -> None:
    with psycopg.connect(inside._database, autocommit=True) as connection:
        for each in statements:
            connection.execute(each.encode())


@contextmanager
def wrong(inside: Inside, before: str, after: str) -> Iterator[None]:
    execute(inside, before)
    try:
        yield
    finally:
        execute(inside, after)


def break_the_archive(inside: Inside, client: httpx.Client) -> None:
    """PostgreSQL refuses rows, and its words quote them whole."""
    table = "ALTER TABLE ingestion_eventtype"
    refuses = f"{table} ADD CONSTRAINT wrong CHECK (name NOT LIKE 'Broken%') NOT VALID"
    with wrong(inside, refuses, f"{table} DROP CONSTRAINT wrong"):
        event = message(event=f"Broken {MARK}", anonymousId=f"{MARK}-other")
        assert client.post("/v1/track", json=event, auth=(inside.write_key, "")).status_code == 200
        wait_until(lambda: inside.ask("SELECT 1 FROM ingestion_deadletter"), 60)


def break_a_profile(inside: Inside, client: httpx.Client, secret: str) -> None:
    """What is stored of somebody cannot be read: the processor and the doors fail over it."""
    inside.redis.set(keys.profile(PROFILE), f"\xff{MARK}".encode())
    client.post("/v1/track", json=message(), auth=(inside.write_key, ""))
    bearer = {"Authorization": f"Bearer {secret}"}
    client.post("/api/v1/decide", json={"anonymousId": MARK, "slots": ["home-hero"], "writeKey": inside.write_key})
    client.post("/graphql", json={"query": f'{{ customer(anonymousId: "{MARK}") {{ id }} }}'}, headers=bearer)
    client.get(f"/api/v1/profiles/{PROFILE}", headers=bearer)
    client.get(f"/studio/people/{uuid.UUID(PROFILE)}/")
    wait_until(lambda: inside.ask("SELECT 1 FROM ingestion_deadletter WHERE tries = 3"), 60)
    inside.redis.delete(keys.profile(PROFILE))


def break_the_pages(inside: Inside, client: httpx.Client) -> None:
    """A table is missing: every page of people ends in an error that nobody has foreseen."""
    table = "ALTER TABLE {} RENAME TO {}"
    names = ("profiles_storedprofile", "profiles_elsewhere")
    with wrong(inside, table.format(*names), table.format(*reversed(names))):
        assert client.get("/studio/people/", params={"q": MAIL}).status_code == 500
        client.get(f"/studio/people/{uuid.UUID(PROFILE)}/", params={"q": MAIL})
        client.get(f"/admin/profiles/storedprofile/{uuid.UUID(PROFILE)}/change/")


# --- One line ------------------------------------------------------------------------------------------------------


def format_line(form: str, name: str, words: str, *args: Any, error: BaseException | None = None) -> str:
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, words, args, info)
    return make_formatter(form).format(record)


def fail(value: str) -> ValueError:
    try:
        try:
            int(value)
        except ValueError as cause:
            raise ValueError(f"{value} is no number") from cause
    except ValueError as error:
        return error
    raise AssertionError


def test_a_line_is_one_json_object_with_where_it_went_wrong() -> None:
    line = json.loads(format_line("json", "ingestion.processor", "partition %d failed", 3, error=fail(MARK)))
    assert (line["level"], line["logger"], line["event"]) == ("error", "ingestion.processor", "partition 3 failed")
    assert line["error"] == "ValueError <- ValueError"
    assert [place.partition(":")[0] for place in line["way"]] == ["tests/observing/test_logs.py"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["at"])


def test_people_read_lines_of_text() -> None:
    first, *more = format_line("text", "ingestion.processor", "it failed", error=fail(MARK)).splitlines()
    assert first == "ERROR ingestion.processor: it failed"
    assert more[-1] == "  ValueError <- ValueError"


@pytest.mark.parametrize(
    ("words", "args", "said"),
    [
        ("%s: %s", ("Not Found", f"/people/{MARK}"), "…: …"),
        ("took %d of %.1f s", (3, 0.25), "took 3 of 0.25 s"),
        ("error in %r: %s", (MARK, ValueError(MARK)), "error in …: ValueError"),
        (f"Invalid HTTP_HOST header: '{MARK}'. Add it", (), "Invalid HTTP_HOST header: …. Add it"),
        (f"Exception in callback send(b'{MARK}')\nhandle: {MARK}", (), "Exception in callback send…"),
        ("Task %(name)s raised %(exc)s", ({"name": "count", "exc": MARK},), "Task count raised …"),
        ("100 %%", (1,), "100 %"),
    ],
)
def test_what_libraries_put_in_is_left_out(words: str, args: tuple[Any, ...], said: str) -> None:
    assert tell_foreign(logging.LogRecord("library", logging.ERROR, __file__, 1, words, args, None)) == said
