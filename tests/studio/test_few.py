"""Figures of very few people are not told to those to whom personal data was not granted, nor who these are."""

from typing import Any
from uuid import UUID

import pytest

from profiles.models import StoredProfile
from segments.conditions.parse import parse_condition
from segments.models import Segment
from studio.few import blur, blur_nodes
from tests.admin.test_preview import store
from tests.studio.people import sign_in
from tests.studio.test_audiences import AUDIENCES
from tests.studio.test_conditions import GOLD, VIEWED, ask, group, tree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]
FEWER = "fewer than 5"
ONE = {"id": "one", "kind": "trait", "trait": "plan", "op": "is", "value": "plan-of-anna"}


@pytest.fixture
def anna() -> UUID:
    """Anna, whose plan nobody else has, and twelve of the gold plan."""
    for number in range(12):
        store(f"gold-{number}", 1, 2, plan="gold")
    return store("anna", 1, 2, plan="plan-of-anna")


def test_few_are_told_in_words_and_what_holds_them_is_rounded() -> None:
    assert blur(4) == (FEWER, 0) == blur(0)
    assert blur(5) == (5, 0)
    assert blur(1_234, holds_few=True) == (1_230, 5)
    assert blur(6, holds_few=True) == (10, 5)
    assert blur(40, 38) == ("too few to estimate", 0)
    assert blur(4_000, 380) == (4_000, 380)
    root = parse_condition(tree(group("or", group("and", GOLD, VIEWED, id="b"), ONE)))
    told = blur_nodes(root, {"all": (104, 0), "b": (103, 0), "gold": (111, 0), "viewed": (112, 0), "one": (1, 0)})
    assert told == {"all": (100, 5), "b": (103, 0), "gold": (111, 0), "viewed": (112, 0), "one": (FEWER, 0)}


def test_one_cannot_be_probed_by_a_value_only_they_have(anna: UUID) -> None:
    client = sign_in("marketer")
    for asked in (ONE, {**ONE, "value": "plan-of-nobody"}):
        answer = ask(client, asked, person=str(anna)).json()
        assert (answer["total"], answer["nodes"]) == (FEWER, {"one": [FEWER, 0]})
        assert (answer["matched"], answer["marks"], "not told" in answer["withheld"]) == (None, {}, True)
        (reason,) = answer["reasons"]
        assert (reason["matched"], reason["needs"]) == (None, "")
        assert "not told, as so few people match" in reason["said"]
        who = ask(client, asked, where="who").json()
        assert (who["sample"], who["nobody"]) == ([], "Too few match to name some of them.")


@pytest.mark.parametrize("kind", ["and", "or", "not"])
def test_nor_by_the_same_among_other_rows(kind: str, anna: UUID) -> None:
    """What is told is the same whether the value is Anna's or nobody's."""
    client = sign_in("marketer")
    told = []
    for value in ("plan-of-anna", "plan-of-nobody"):
        answer = ask(client, group(kind, {**ONE, "value": value}, VIEWED), person=str(anna)).json()
        told.append(
            [
                *(answer["total"], answer["nodes"], answer["marks"], answer["matched"]),
                [(each["matched"], each["needs"]) for each in answer["reasons"]],
            ]
        )
    assert told[0] == told[1]
    assert told[0][2]["viewed"]["matched"] is True


def test_what_many_match_is_told_as_it_is(anna: UUID) -> None:
    answer = ask(sign_in("marketer"), group("and", VIEWED, GOLD), person=str(anna)).json()
    assert (answer["total"], answer["margin"]) == (12, 0)
    assert answer["nodes"] == {"all": [12, 0], "viewed": [13, 0], "gold": [12, 0]}
    assert answer["matched"] is False and "withheld" not in answer
    who = ask(sign_in("marketer"), VIEWED, where="who").json()
    assert len(who["sample"]) == 10


def test_with_the_grant_it_is_all_there(anna: UUID) -> None:
    client = sign_in("marketer", personal=True)
    answer = ask(client, ONE, person=str(anna)).json()
    assert (answer["total"], answer["nodes"], answer["matched"]) == (1, {"one": [1, 0]}, True)
    assert [each["id"] for each in ask(client, ONE, where="who").json()["sample"]] == [str(anna)]


def test_an_answer_that_was_kept_is_told_to_each_as_they_may_see_it(anna: UUID) -> None:
    granted: Any = ask(sign_in("marketer", personal=True), ONE).json()
    assert (granted["total"], ask(sign_in("marketer"), ONE).json()["total"]) == (1, FEWER)


def test_the_preview_of_an_audience_tells_no_more(anna: UUID) -> None:
    Segment.objects.create(slug="one", name="One", condition=tree(ONE))
    Segment.objects.create(slug="either", name="Either", condition=tree(group("or", GOLD, ONE)))

    def read(slug: str, *, personal: bool = False) -> str:
        client = sign_in("marketer", personal=personal)
        answer = client.get(f"{AUDIENCES}{slug}/preview/", headers={"HX-Request": "true"})
        return str(answer.content.decode())

    page = read("one")
    assert FEWER in page and "of 13 people" in page and "%" not in page and str(anna) not in page
    assert "± 5" in read("either")
    assert str(anna) in read("one", personal=True)


def test_people_are_not_found_by_how_their_ids_begin(anna: UUID) -> None:
    StoredProfile.objects.filter(pk=anna).update(user_id="anna-7@shop.example")
    for personal in (False, True):
        client = sign_in("marketer", personal=personal)
        page = client.get("/studio/content/preview/people/?who=anna-7").content.decode()
        assert (str(anna) in page) is personal
        assert str(anna) in client.get("/studio/content/preview/people/?who=anna-7@shop.example").content.decode()
