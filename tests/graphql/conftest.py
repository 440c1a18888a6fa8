"""The web process on a real server, people who live through real events, and PostgreSQL's questions counted."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import redis
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from ingestion.archiver import Archiver
from ingestion.directory import Directory, SecretKey, Source, hash_secret
from ingestion.processor import Processor
from personalization.keeping import DecisionKeeper
from personalization.snapshot import announce
from personalization.wiring import clock, make_processor
from profiles import keys
from profiles.clients import Client
from tests.doors.conftest import BOOK, VIEWED, WRITE_KEY, wait_until_ready
from tests.rosters import announce_segments
from tests.web_process import run_web_process

PARTITIONS = 8
SCOPES = ("profiles:read", "profiles:write", "decide", "segments:read")
SECRET = "sk-all"
SECRETS = {SECRET: SCOPES, "sk-none": (), **{f"sk-{scope}": (scope,) for scope in SCOPES}}
PLAN = {"id": "t", "kind": "trait", "trait": "plan", "op": "is", "value": "enterprise"}
SEGMENTS = {slug: {"v": 1, "root": root} for slug, root in (("viewers", VIEWED), ("pros", PLAN), ("experts", PLAN))}
NAMED_BOOK = {
    **BOOK,
    "segments": [{"slug": "viewers", "name": "Viewers of products", "condition": SEGMENTS["viewers"]}],
}


class Graph:
    """The GraphQL door of a running web process, with a processor and an archiver that work when they are told to."""

    def __init__(self, port: int, client: Client) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.path = f"{self.url}/graphql"
        self._processor: Processor = make_processor("test")
        self._archiver = Archiver(client, partitions=PARTITIONS, clock=clock, keeper=DecisionKeeper())

    def post(self, query: str, secret: str = SECRET, **variables: Any) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return httpx.post(self.path, json=body, headers={"Authorization": f"Bearer {secret}"}, timeout=30)

    def ask(self, query: str, secret: str = SECRET, **variables: Any) -> Any:
        """The data of a query that is answered without any error."""
        answer = self.post(query, secret, **variables)
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    def refuse(self, query: str, secret: str = SECRET, **variables: Any) -> tuple[int, str]:
        """Status and code of the first error."""
        answer = self.post(query, secret, **variables)
        return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]

    def send(self, *messages: dict[str, Any]) -> None:
        """Lets people live through events, and archives them."""
        answer = httpx.post(f"{self.url}/v1/batch", json={"batch": messages}, auth=(WRITE_KEY, ""))
        assert answer.json() == {"success": True}
        self.process()

    def process(self) -> None:
        self._processor.drain(range(PARTITIONS))
        self._archiver.drain()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a web process that serves one module of tests."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        put_in_force(client)
    with run_web_process() as port:
        wait_until_ready(port)
        yield port


@pytest.fixture
def door(port: int, redis_client: Client) -> Graph:
    """The door before an otherwise empty Redis, and no PostgreSQL at all."""
    put_in_force(redis_client)
    return Graph(port, redis_client)


@pytest.fixture
def graph(transactional_db: None, door: Graph) -> Graph:
    """The door before an otherwise empty Redis and an empty PostgreSQL."""
    return door


def put_in_force(client: Client) -> None:
    directory = Directory(
        number=1,
        sources={WRITE_KEY: Source(slug="site", name="Site", write_key=WRITE_KEY)},
        indexed={"Product Viewed": ("category", "price")},
        secret_keys={hash_secret(key): SecretKey(source="site", scopes=scopes) for key, scopes in SECRETS.items()},
    )
    announce(client, keys.DIRECTORY, 1, msgspec.json.encode(directory))
    announce(client, keys.BOOK, 4, json.dumps(NAMED_BOOK).encode())
    announce_segments(client, SEGMENTS)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of PostgreSQL by any thread, from now on."""
    asked: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    def watch(sender: object, connection: BaseDatabaseWrapper, **more: object) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)
            watched.append(connection)

    watched: list[BaseDatabaseWrapper] = []
    connection_created.connect(watch, weak=False)
    yield asked
    connection_created.disconnect(watch)
    for each in watched:
        each.execute_wrappers.remove(note)
