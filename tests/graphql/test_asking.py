"""What it takes to answer: one question to PostgreSQL for each kind of thing, none for what is hot."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from personalization.graphql.loaders import Shared
from profiles.sharing import IN_FLIGHT
from tests.graphql.conftest import Graph
from tests.graphql.test_customer import bought, id_of, viewed

EVERYTHING = """fragment All on Customer {
    id traits segments { name } events { name recent { at } }
    timeline(first: 2) { events { id properties } next }
    transactions(first: 2) { orders { id } }
    decisions(first: 2) { id }
    points { balance entries(first: 2) { points } }
    grants(first: 2) { code }
}"""
MANY = f"query ($ids: [ID!]!) {{ customers(ids: $ids) {{ ...All }} }} {EVERYTHING}"
HOT = """{ customer(anonymousId: "anna") {
    id userId identifiers { kind } firstSeen lastSeen traits consent { granted } cluster scores { value }
    events { name count total first last recent { at value properties } } segments { slug name since }
} }"""


def test_one_customer_and_fifty_take_the_same_questions(graph: Graph, statements: list[str]) -> None:
    people = [f"visitor-{number}" for number in range(50)]
    graph.send(*(event for who in people for event in (viewed(who), bought(who))))
    ids = [id_of(who) for who in people]
    counted = []
    for asked in (ids[:1], ids):
        statements.clear()
        found = graph.ask(MANY, ids=asked)["customers"]
        assert [customer["id"] for customer in found] == asked
        assert all(len(customer["timeline"]["events"]) == 2 for customer in found)
        counted.append(len(statements))
    assert counted == [6, 6]  # events, orders, decisions, balances, entries, grants


def test_what_the_hot_profile_knows_takes_no_question(graph: Graph, statements: list[str]) -> None:
    graph.send(viewed(), viewed())
    statements.clear()
    assert graph.ask(HOT)["customer"]["segments"][0]["name"] == "Viewers of products"
    assert graph.ask("{ slots { name } segments { segments { name kind } } }")["slots"]
    assert statements == []


def test_what_is_not_selected_is_not_asked_for(graph: Graph, statements: list[str]) -> None:
    graph.send(viewed())
    statements.clear()
    graph.ask('{ customer(anonymousId: "anna") { timeline { events { id } } } }')
    [plain] = statements
    assert "properties" not in plain.replace('NULL AS "properties"', "")
    fragment = "fragment T on Timeline { events { ... { traits } } }"
    graph.ask(f'{{ customer(anonymousId: "anna") {{ timeline {{ ...T }} }} }} {fragment}')
    assert '"traits"::text' in statements[1]
    assert 'NULL AS "properties"' in statements[1]


def test_aliases_of_one_field_share_a_question(graph: Graph, statements: list[str]) -> None:
    graph.send(viewed(second=1), viewed(second=2), viewed("ben"))
    statements.clear()
    data = graph.ask(
        """{ a: customer(anonymousId: "anna") { x: timeline(first: 1) { ...Ids } y: timeline(first: 5) { ...Ids } }
             b: customer(anonymousId: "ben") { x: timeline(first: 1) { ...Ids } } }
           fragment Ids on Timeline { events { id } }"""
    )
    assert len(statements) == 1
    assert [len(data["a"]["x"]["events"]), len(data["a"]["y"]["events"]), len(data["b"]["x"]["events"])] == [1, 2, 1]


def test_an_archive_that_does_not_answer_costs_its_own_fields_only(graph: Graph) -> None:
    graph.send(viewed())
    query = '{ customer(anonymousId: "anna") { id grants { code } points { balance } } }'
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE rules_grant IN ACCESS EXCLUSIVE MODE")
        said = graph.post(query).json()
    assert said["data"]["customer"] == {"id": id_of("anna"), "grants": None, "points": {"balance": 0}}
    [error] = said["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("unavailable", ["customer", "grants"])
    assert graph.ask(query)["customer"]["grants"] == []


async def start(shared: Shared[Any, Any], calls: list[list[Any]], asked: list[Any]) -> list[asyncio.Task[list[Any]]]:
    """As many calls as may be under way at once are, each with a question of its own; the others wait."""
    tasks = []
    for number, keys in enumerate(calls):
        tasks.append(asyncio.create_task(shared.load(keys)))
        while number < IN_FLIGHT and len(asked) <= number:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.001)
    return tasks


async def test_calls_of_the_same_moment_share_their_questions() -> None:
    asked: list[list[int]] = []
    opened = threading.Event()

    def double(keys: Sequence[int]) -> list[int]:
        asked.append(list(keys))
        assert opened.wait(20)
        return [2 * key for key in keys]

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        shared = Shared(double, threads)
        calls = await start(shared, [[number, number + 100] for number in range(12)], asked)
        opened.set()
        assert await asyncio.gather(*calls) == [[2 * number, 2 * number + 200] for number in range(12)]
    assert len(asked) == IN_FLIGHT + 1


@pytest.mark.django_db(transaction=True)
async def test_a_call_that_asks_for_too_much_is_refused_alone() -> None:
    asked: list[list[float]] = []
    opened = threading.Event()

    def sleep(seconds: Sequence[float]) -> list[float]:
        asked.append(list(seconds))
        assert opened.wait(20)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 200; SELECT pg_sleep(%s)", [max(seconds)])
        return list(seconds)

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        shared = Shared(sleep, threads)
        calls = await start(shared, [[0.0], [0.01], [0.0], [5.0], [0.01]], asked)
        opened.set()
        done = await asyncio.gather(*calls, return_exceptions=True)
    assert asked[IN_FLIGHT:] == [[0.0, 5.0, 0.01], [0.0], [5.0, 0.01], [5.0], [0.01]]
    assert isinstance(done.pop(3), OperationalError)
    assert done == [[0.0], [0.01], [0.0], [0.01]]
