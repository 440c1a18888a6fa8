"""What the editor of conditions asks: figures of what is filled in, reasons, names and values, who may see which."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from profiles.models import StoredProfile
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition
from segments.models import Segment
from studio.conditions.partial import bound_by_visit, read_partial
from studio.conditions.phrases import list_phrases
from tests.admin.test_preview import store
from tests.segments.strategies import Seeded, draw_case
from tests.studio.people import make_user, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

VIEWED = {
    "id": "viewed",
    "kind": "event",
    "event": "Product Viewed",
    "value": 2,
    "window": {"last": 7, "unit": "days"},
}
GOLD = {"id": "gold", "kind": "trait", "trait": "plan", "op": "is", "value": "gold"}
NEWS = {"id": "news", "kind": "context", "field": "campaign.source", "op": "is", "value": "newsletter"}


def group(kind: str, *children: object, id: str = "all") -> dict[str, Any]:
    return {"id": id, "kind": kind, "children": list(children)}


def tree(root: object) -> dict[str, Any]:
    return {"v": 1, "root": root}


def ask(client: Client, root: object, where: str = "look", **told: object) -> Any:
    question = {"condition": None if root is None else tree(root), "about": "segment", **told}
    return client.post(f"/studio/conditions/{where}/", json.dumps(question), content_type="application/json")


def test_figures_of_the_whole_and_of_every_row() -> None:
    store("anna", 1, 2, plan="gold")
    store("ben", 1, 2, plan="silver")
    store("cleo", 20, plan="gold")
    answer = ask(sign_in("marketer", personal=True), group("and", VIEWED, GOLD)).json()
    assert (answer["total"], answer["people"], answer["margin"]) == (1, 3, 0)
    assert answer["nodes"] == {"all": [1, 0], "viewed": [2, 0], "gold": [2, 0]}
    assert "".join(said for said, _ in answer["words"]) == (
        "viewed a product at least 2 times in the last 7 days and plan is “gold”"
    )


def test_a_row_that_is_not_filled_in_leaves_the_others_their_figures() -> None:
    store("anna", 1, 2, plan="gold")
    empty = {"id": "new", "kind": "trait", "trait": "", "op": "is", "value": ""}
    answer = ask(sign_in("marketer", personal=True), group("and", VIEWED, empty, group("or", id="hollow"))).json()
    assert answer["total"] == 1
    assert answer["left_out"]
    assert {problem["node"] for problem in answer["problems"]} == {"new", "hollow"}
    assert answer["nodes"]["viewed"] == [1, 0]


def test_what_a_visit_decides_is_counted_as_of_the_visit_that_suits_best() -> None:
    store("anna", plan="gold")
    store("ben", plan="silver")
    client = sign_in("marketer", personal=True)
    both = ask(client, group("and", GOLD, NEWS), about="rule").json()
    assert (both["total"], both["visits"]) == (1, ["all", "news"])
    assert ask(client, group("or", GOLD, NEWS), about="rule").json()["total"] == 2
    assert ask(client, None, about="rule").json()["total"] == 2
    refused = ask(client, group("and", GOLD, NEWS)).json()
    assert [problem["node"] for problem in refused["problems"]] == ["news"]
    assert refused["total"] == 1


@pytest.mark.parametrize("number", range(40))
def test_the_sentence_in_pieces_is_the_sentence(number: int) -> None:
    root = draw_case(Seeded(3, number)).root
    assert "".join(said for said, _ in list_phrases(root)) == say_condition(root)


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (group("not", NEWS), True),
        (group("not", group("or", NEWS, GOLD, id="b")), group("not", group("or", GOLD, id="b"))),
        (group("not", group("and", NEWS, GOLD, id="b")), True),
        (group("and", NEWS), True),
        (group("or", GOLD), group("or", GOLD)),
    ],
)
def test_the_visit_that_suits_best(root: object, expected: Any) -> None:
    bound = bound_by_visit(parse_condition(tree(root)))
    assert bound == (expected if isinstance(expected, bool) else parse_condition(tree(expected)))


def test_hostile_conditions_are_read_in_bounded_time() -> None:
    assert read_partial([]).root is None
    assert read_partial({"v": 1, "root": {"id": "a", "kind": "and", "children": [1, None, []]}}).root is None
    deep: Any = GOLD
    for number in range(40):
        deep = group("and", deep, id=f"g{number}")
    assert read_partial(tree(deep)).root is None
    client = sign_in("marketer")
    for body in ("[]", "nothing", '{"condition": 7}', '{"at": "3000-01-01"}', '{"person": "x"}'):
        answer = client.post("/studio/conditions/look/", body, content_type="application/json")
        assert answer.status_code in (200, 422), body


def test_why_a_person_matches_is_told_row_by_row() -> None:
    anna = store("anna", 1, plan="gold")
    answer = ask(
        sign_in("marketer", personal=True), group("and", VIEWED, group("or", GOLD, NEWS, id="b")), person=str(anna)
    ).json()
    assert answer["matched"] is False
    viewed, gold = answer["reasons"]
    assert (viewed["matched"], viewed["said"], viewed["needs"]) == (False, "Product Viewed 1 time", "(needs 2)")
    assert (gold["matched"], gold["said"]) == (True, "plan is “gold”")
    assert answer["marks"]["viewed"]["matched"] is False
    either = ask(sign_in("marketer", personal=True), group("or", GOLD, NEWS), about="rule", person=str(anna)).json()
    assert either["matched"] is True
    assert [each["needs"] for each in either["reasons"]] == ["", "(not needed)"]
    open_ = ask(sign_in("marketer", personal=True), group("and", GOLD, NEWS), about="rule", person=str(anna)).json()
    assert open_["matched"] is None
    unknown = ask(sign_in("marketer", personal=True), GOLD, person="00000000-0000-0000-0000-000000000001").json()
    assert unknown["unknown"] is True


def test_figures_and_reasons_are_those_of_the_moment_asked_for() -> None:
    anna = store("anna", 1, 2, plan="gold")
    client = sign_in("marketer", personal=True)
    before = f"{datetime.fromtimestamp(datetime.now(UTC).timestamp() - 3 * 86_400, UTC):%Y-%m-%dT%H:%M}"
    answer = ask(client, group("and", VIEWED, GOLD), at=before, person=str(anna)).json()
    assert answer["nodes"]["viewed"] == [0, 0]
    assert answer["marks"]["viewed"]["matched"] is False


def test_traits_of_a_person_are_masked_unless_granted() -> None:
    anna = store("anna")
    StoredProfile.objects.filter(pk=anna).update(traits={"email": "anna@shop.example"}, user_id="anna-7")
    mail = {"id": "mail", "kind": "trait", "trait": "email", "op": "exists"}
    for number in range(4):
        other = store(f"other-{number}")
        StoredProfile.objects.filter(pk=other).update(traits={"email": "anna@shop.example"}, user_id=f"o{number}")
    for personal, shown in ((False, "a•••@s•••"), (True, "anna@shop.example")):
        client = sign_in("analyst", personal=personal)
        assert ask(client, mail, where="who").json()["sample"][0]["name"] == shown
        found = client.get("/studio/conditions/people/", {"q": "anna-7"}).json()["people"]
        assert [each["name"] for each in found] == [shown]
        by_trait = client.get("/studio/conditions/people/", {"q": "shop.exam"}).json()["people"]
        assert [each["name"] for each in by_trait] == ([shown] * 5 if personal else [])


def test_values_that_few_have_are_offered_to_those_alone_who_may_see_them() -> None:
    for number in range(6):
        store(f"many-{number}", plan="gold")
    store("one", plan="secret-plan")
    StoredProfile.objects.filter(state__isnull=False).update(last_seen=datetime.now(UTC))
    for personal in (False, True):
        answer = sign_in("analyst", personal=personal).get("/studio/conditions/values/", {"trait": "plan"}).json()
        values = [each["value"] for each in answer["values"]]
        assert values == (["gold", "secret-plan"] if personal else ["gold"])


def test_who_works_with_neither_people_nor_audiences_counts_nobody() -> None:
    for role, status in (("viewer", 403), ("developer", 403), ("marketer", 200), ("analyst", 200)):
        assert ask(sign_in(role), GOLD).status_code == status
        assert ask(sign_in(role), GOLD, where="who").status_code == status


def test_one_question_of_a_member_is_answered_at_a_time() -> None:
    user = make_user("marketer")
    client = Client()
    client.force_login(user)
    cache.set(f"condition:look:turn:{user.pk}", True)
    busy = ask(client, GOLD)
    assert (busy.status_code, busy["Retry-After"]) == (429, "1")
    cache.delete(f"condition:look:turn:{user.pk}")
    assert ask(client, GOLD).status_code == 200


def test_what_may_not_be_meant_is_said_at_its_row() -> None:
    Segment.objects.create(slug="draft", name="A draft", condition=tree(GOLD))
    where = [{"property": "shoe_size", "op": "is", "value": 1}]
    strange = {"id": "strange", "kind": "segment", "segment": "nothing"}
    draft = {"id": "draft", "kind": "segment", "segment": "draft"}
    warnings = ask(sign_in("marketer"), group("or", {**VIEWED, "where": where}, strange, draft)).json()["warnings"]
    told = {each["node"]: each for each in warnings}
    assert "not indexed" in told["viewed"]["message"]
    assert "catalogue" in told["viewed"]["url"]
    assert "no audience" in told["strange"]["message"]
    assert "not in force yet" in told["draft"]["message"]


def test_names_are_offered_with_a_bounded_number_of_queries(django_assert_max_num_queries: Any) -> None:
    client = sign_in("marketer")
    facts = "/studio/conditions/facts/?event=Product%20Viewed"
    client.get(facts)
    for number in range(30):
        Segment.objects.create(slug=f"s{number}", name=f"S {number}", condition=tree(GOLD))
    with django_assert_max_num_queries(16):
        answer = client.get(facts).json()
    assert len(answer["segments"]) == 30
    assert {"value": "Product Viewed", "hint": "not seen yet"} in answer["events"]
    assert "category" in [each["value"] for each in answer["properties"]["Product Viewed"]]
