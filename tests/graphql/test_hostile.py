"""What is refused before anything is executed, who is refused what, and what an answer never tells."""

import json
import logging
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone
from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_introspection_query,
    get_named_type,
)

from personalization.graphql.limits import LENGTHS, MAX_ALIASES, MAX_DEPTH, MAX_FIELDS, MAX_QUERY, ROWS, WEIGHTS
from personalization.graphql.plans import KEPT, Invalid, Plans
from personalization.graphql.problems import BadCall
from personalization.graphql.schema import schema
from personalization.graphql.view import MAX_BODY
from tests.graphql.conftest import SCOPES, SECRET, Graph
from tests.graphql.test_customer import id_of, store_decision, viewed

BEARER = {"Authorization": f"Bearer {SECRET}"}
JSON = {**BEARER, "Content-Type": "application/json"}
OPEN = Plans(schema.graphql_schema, introspection=True)
CLOSED = Plans(schema.graphql_schema, introspection=False)


def cost(query: str, **variables: Any) -> int:
    return OPEN.make(query).price.pay(variables)


def customer(fields: str) -> str:
    return f'{{ customer(userId: "u") {{ {fields} }} }}'


DEEP = "a {" * 5_000 + "}" * 5_000
NESTED = customer("id " + "... { " * 180 + "id" + " }" * 180)
EXPONENTIAL = (
    customer("...F0")
    + "".join(f"fragment F{number} on Customer {{ ...F{number + 1} ...F{number + 1} }}" for number in range(40))
    + "fragment F40 on Customer { id }"
)
CYCLE = customer("...A") + "fragment A on Customer { ...B } fragment B on Customer { id ...A }"
LONG_CHAIN = (
    customer("...F0")
    + "".join(f"fragment F{number} on Customer {{ ...F{number + 1} }}" for number in range(150))
    + "fragment F150 on Customer { id }"
)
BAD_QUERIES = {
    "": "bad_query",
    "   ": "bad_query",
    "{": "bad_query",
    "}": "bad_query",
    "\0": "bad_query",
    "{ customer }": "bad_query",
    "{ nothing }": "bad_query",
    customer("nothing"): "bad_query",
    "{ customer(userId: 1) { id } }": "bad_query",
    "{ customer(userId: {a: 1}) { id } }": "bad_query",
    '{ customer(name: "u") { id } }': "bad_query",
    "{ customers(ids: [null]) { id } }": "bad_query",
    "{ segments(first: 99999999999) { next } }": "bad_query",
    "{ segments(first: null) { next } }": "bad_query",
    "{ decide(slots: []) { book } ": "bad_query",
    "query ($x: Nothing) { slots { name } }": "bad_query",
    "query ($x: Int = $x) { slots { name } }": "bad_query",
    "subscription { slots { name } }": "bad_query",
    "type Query { x: Int }": "bad_query",
    "{ slots { name } } type Query { x: Int }": "bad_query",
    "{ slots { ...None } }": "bad_query",
    "{ slots { name } } fragment Unused on Slot { name }": "bad_query",
    "{ slots @nothing { name } }": "bad_query",
    "{ slots { slots { name } } }": "bad_query",
    '{ customer(userId: "\\uD800") { id } }': "bad_query",
    "# nothing\n" * 1_500: "bad_query",
    "{ slots { name } } { slots { slug } }": "one_operation",
    "query A { slots { name } } query B { slots { name } }": "one_operation",
    "fragment Alone on Slot { name }": "one_operation",
    DEEP[:MAX_QUERY]: "bad_query",
    "{ " * (MAX_DEPTH + 1) + "a" + " }" * (MAX_DEPTH + 1): "bad_query",
    customer("points { entries { points " + "{ a " * MAX_DEPTH + "}" * MAX_DEPTH + "} }"): "too_deep",
    NESTED: "",
    LONG_CHAIN: "",
    EXPONENTIAL: "too_many_fields",
    CYCLE: "bad_query",
    customer(" ".join(["id"] * (MAX_FIELDS + 1))): "too_many_fields",
    customer(" ".join(f"a{number}: id" for number in range(MAX_ALIASES + 1))): "too_many_aliases",
    "{ " + " ".join(f"a{n}: slots {{ name }}" for n in range(MAX_ALIASES + 1)) + " }": "too_many_aliases",
    customer(", " * 500 + "id"): "",
    customer("id") + " " * MAX_QUERY: "too_large",
    customer("x" * 3_000): "bad_query",
}


@pytest.mark.parametrize("query", BAD_QUERIES, ids=lambda query: f"{len(query)} {query[:40]!r}")
def test_a_query_that_is_wrong_or_too_much_is_refused_before_it_runs(query: str) -> None:
    code = ""
    try:
        CLOSED.make(query)
    except BadCall as refused:
        code = refused.code
    except Invalid:
        code = "bad_query"
    assert code == BAD_QUERIES[query]


def test_the_door_says_so_with_a_status(door: Graph) -> None:
    for query, code in BAD_QUERIES.items():
        if code:
            assert door.refuse(query) == (400, code), query[:80]
    assert door.ask(NESTED)["customer"] is None


def test_a_list_costs_what_is_asked_of_each_of_its_rows() -> None:
    ids = json.dumps([id_of(str(number)) for number in range(10)])
    one, ten = "{ customers(ids: [1]) { traits userId } }", f"{{ customers(ids: {ids}) {{ traits userId }} }}"
    assert (cost(one), cost(ten)) == (1 + 2, 1 + 10 * 2)
    assert cost(customer("timeline(first: 50) { events { id at } next }")) == 1 + 10 + 50 * (1 + 2 + 1)
    assert cost(customer("timeline { events { id } }")) == 1 + 10 + 20 * 2
    assert cost(customer("events(limit: 7) { recent(limit: 9) { at } }")) == 1 + 1 + 7 * (1 + 9)
    assert cost(customer("segments { name }")) == 1 + 1 + LENGTHS["Customer", "segments"]


def test_what_variables_say_is_counted_and_no_way_around_it() -> None:
    query = "query ($first: Int! = 5, $ids: [ID!]!) { customers(ids: $ids) { timeline(first: $first) { next } } }"
    assert cost(query, first=50, ids=["1"] * 4) == 1 + 4 * (10 + 50)
    assert cost(query, ids=["1"] * 4) == 1 + 4 * (10 + 20)
    assert cost(query, first=-5, ids=[]) == 1 + 1 * (10 + 1)


def test_a_costly_query_is_refused_and_what_variables_coerce_to_counts(door: Graph) -> None:
    query = "query ($first: Int!, $ids: [ID!]!) { customers(ids: $ids) { timeline(first: $first) { events { id } } } }"
    ids = [id_of(str(number)) for number in range(100)]
    assert door.ask(query, first=40, ids=ids)["customers"] == [None] * 100
    assert door.refuse(query, first=100, ids=ids) == (400, "too_costly")
    assert door.refuse(query, first=100.0, ids=ids) == (400, "too_costly")
    assert door.refuse("query ($ids: [ID!]!) { customers(ids: $ids) { id } }", ids=ids * 2) == (200, "bad_request")


def is_of_objects(field: GraphQLField) -> bool:
    bare = getattr(field.type, "of_type", field.type) if isinstance(field.type, GraphQLNonNull) else field.type
    return isinstance(bare, GraphQLList) and isinstance(get_named_type(bare), GraphQLObjectType)


def test_every_list_is_priced() -> None:
    """A list has an argument for its length, or a length that it is taken to have, or is the one list of a page."""
    kinds = schema.graphql_schema.type_map
    unpriced = []
    for kind in kinds.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__") or "next" in kind.fields:
            continue
        lists = [name for name, field in kind.fields.items() if is_of_objects(field) and not {*field.args} & {*ROWS}]
        unpriced += [(kind.name, name) for name in lists if (kind.name, name) not in LENGTHS]
    assert unpriced == [("DecideAnswer", "slots")]  # `decide` says how many
    assert [(kind, name) for kind, name in (*WEIGHTS, *LENGTHS) if name not in kinds[kind].fields] == []


async def test_queries_are_kept_by_their_text_and_not_for_ever() -> None:
    plans = Plans(schema.graphql_schema, introspection=False)
    first = await plans.find(customer("id"))
    assert await plans.find(customer("id")) is first
    for number in range(KEPT):
        await plans.find(customer(f'id traits(names: ["{number}"])'))
    assert await plans.find(customer("id")) is not first


def test_without_introspection_nobody_learns_the_schema(door: Graph) -> None:
    for query in (
        get_introspection_query(),
        '{ __type(name: "Customer") { name } }',
        "{ ...{ __schema { types { name } } } }",
    ):
        assert door.refuse(query) == (400, "bad_query")
    nearly = door.post(customer("trait")).text + door.post("query ($x: Strin) { slots { name } }").text
    assert "Did you mean" not in nearly
    assert door.ask(customer("__typename"))["customer"] is None
    assert door.ask("{ __typename }") == {"__typename": "Query"}


def test_with_introspection_tools_learn_it_in_bounds() -> None:
    OPEN.make(get_introspection_query(descriptions=True, input_value_deprecation=True))
    with pytest.raises((BadCall, Invalid)):
        OPEN.make(
            "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }"
        )
    assert cost("{ __schema { types { name } } }") > 100


FIELDS = {
    "customer": ("profiles:read", '{ customer(userId: "u") { id } }'),
    "customers": ("profiles:read", "{ customers(ids: []) { id } }"),
    "segments": ("segments:read", "{ segments { next } }"),
    "slots": ("decide", "{ slots { name } }"),
    "decide": ("decide", '{ decide(slots: ["hero"]) { book } }'),
    "setTraits": ("profiles:write", 'mutation { setTraits(userId: "u", traits: {a: 1}) { messageId } }'),
    "setConsent": ("profiles:write", 'mutation { setConsent(userId: "u", purpose: "p", granted: true) { messageId } }'),
}


def test_every_field_takes_its_scope_and_nothing_but_it(door: Graph) -> None:
    asked = schema.graphql_schema
    assert asked.query_type and asked.mutation_type
    assert FIELDS.keys() == asked.query_type.fields.keys() | asked.mutation_type.fields.keys()
    for name, (scope, query) in FIELDS.items():
        for held in (*SCOPES, "none"):
            said = door.post(query, f"sk-{held}").json()
            if held == scope:
                assert "errors" not in said, said
            else:
                [error] = said["errors"]
                assert (error["extensions"]["code"], error["path"]) == ("scope_missing", [name])
                assert said["data"] == {name: None}
                assert scope in error["message"]


def test_a_refused_field_leaves_the_others_their_answers(door: Graph) -> None:
    said = door.post('{ slots { slug } customer(userId: "u") { id } }', "sk-decide").json()
    assert len(said["data"]["slots"]) == 3
    assert [error["path"] for error in said["errors"]] == [["customer"]]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer sk-wrong"},
        {"Authorization": "Basic c2stYWxsOg=="},
        {"Cookie": f"key={SECRET}"},
    ],
)
def test_only_a_secret_key_opens_the_door(door: Graph, headers: dict[str, str]) -> None:
    answer = httpx.post(door.path, json={"query": "{ slots { name } }"}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "unknown_key")


def test_no_other_page_may_read_an_answer(door: Graph) -> None:
    answer = door.post("{ slots { name } }")
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert answer.headers["cache-control"] == "no-store"
    assert httpx.options(door.path).status_code == 405


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_post_is_taken(door: Graph, method: str) -> None:
    answer = httpx.request(method, door.path, params={"query": "{ slots { name } }"}, headers=BEARER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "bad_request"),
    "half": (b"{", 400, "bad_request"),
    "null": (b"null", 400, "bad_request"),
    "text": (b'"{ slots { name } }"', 400, "bad_request"),
    "no query": (b"{}", 400, "bad_request"),
    "a query that is none": (b'{"query": 1}', 400, "bad_request"),
    "variables that are none": (b'{"query": "{ slots { name } }", "variables": [1]}', 400, "bad_request"),
    "another operation": (b'{"query": "query A { slots { name } }", "operationName": "B"}', 400, "bad_query"),
    "persisted": (b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}', 400, "bad_request"),
    "a batch": (b' [{"query": "{ slots { name } }"}]', 400, "one_operation"),
    "no UTF-8": (b'{"query": "\xff\xfe"}', 400, "bad_request"),
    "half a surrogate": (b'{"query": "{ slots { name } }", "variables": {"a": "\\ud800"}}', 400, "bad_request"),
    "deep": (b'{"query": "{ slots { name } }", "variables": {"a": ' + b"[" * 20_000, 400, "bad_request"),
    "gzip": (b"\x1f\x8b\x08\x00" + b"\x00" * 100, 400, "bad_request"),
    "noise": (bytes(range(256)) * 20, 400, "bad_request"),
    "a megabyte of query": (json.dumps({"query": "{ slots { name } }" + " " * 1_000_000}).encode(), 413, "too_large"),
    "a megabyte of variables": (
        json.dumps({"query": "{ a }", "variables": {"a": "x" * 1_000_000}}).encode(),
        413,
        "too_large",
    ),
    "a little too much": (b'{"query": "' + b" " * MAX_BODY + b'"}', 413, "too_large"),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_are_no_call_are_refused(door: Graph, name: str) -> None:
    body, status, code = BODIES[name]
    answer = httpx.post(door.path, content=body, headers=JSON, timeout=30)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/graphql", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_page_is_no_call(door: Graph, kind: str) -> None:
    body = b'{"query": "{ slots { name } }"}'
    answer = httpx.post(door.path, content=body, headers={**BEARER, "Content-Type": kind})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "unsupported_media_type")
    fine = httpx.post(
        door.path + "/", content=body, headers={**BEARER, "Content-Type": "application/JSON; charset=utf-8"}
    )
    assert fine.status_code == 200


@pytest.mark.parametrize("variables", [{"user": 1}, {"user": ["u"]}, {"user": {"a": 1}}, {"user": True}])
def test_variables_of_a_wrong_type_are_refused(door: Graph, variables: dict[str, Any]) -> None:
    assert door.refuse("query ($user: String) { customer(userId: $user) { id } }", **variables) == (400, "bad_query")


def test_a_fault_is_told_by_its_number_and_logged_without_what_is_known_of_anybody(
    graph: Graph, caplog: pytest.LogCaptureFixture
) -> None:
    graph.send(viewed("anna@example.org"))
    store_decision(id_of("anna@example.org"), '{"secret": "anna@example.org"}', timezone.now() - timedelta(hours=1))
    query = "query ($who: String) { customer(anonymousId: $who) { id decisions { id slots { reason } } } }"
    with caplog.at_level(logging.DEBUG):
        said = graph.post(query, who="anna@example.org").json()
    assert said["data"]["customer"] == {"id": id_of("anna@example.org"), "decisions": None}
    [error] = said["errors"]
    assert error["extensions"]["code"] == "internal"
    assert error["message"] == f"internal error {error['extensions']['id']}"
    assert error["path"] == ["customer", "decisions", 0, "slots"]
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("personalization.graphql")]
    assert len(logged) == 1
    assert error["extensions"]["id"] in logged[0]
    assert "resolve_slots" in logged[0]
    assert "anna@" not in caplog.text
    assert "secret" not in caplog.text


def test_variables_and_queries_are_never_logged(door: Graph, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        door.post("query ($user: String) { customer(userId: $user) { id } }", user="anna@example.org")
        door.post("query ($user: Int!) { customer(userId: $user) { id } }", user="anna@example.org")
        door.post('mutation ($t: JSON!) { setTraits(userId: "u", traits: $t) { messageId } }', t="anna@example.org")
    assert not re.search("anna@|setTraits|customer", caplog.text)
