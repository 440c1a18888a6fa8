"""People over REST: everything about one, many in pages, their past, and what is said of them."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from profiles import keys
from profiles.clients import Client
from profiles.event import Event, derive_profile_id, partition_of, unpack
from profiles.models import MergeRecord, StoredProfile
from profiles.profile import History, Moment, Profile, Trait, pack
from tests.rest.conftest import BackEnd, Connect
from tests.rest.people import ANNA, AT, BEN, NOW, archive, keep, keep_hot, link_hot, make_profile, name_answers

GOLD = {"plan": Trait("gold", NOW)}


def read_log(client: Client, partitions: int = 8) -> list[Event]:
    found = []
    for partition in range(partitions):
        found += [unpack(fields[b"r"]) for _, fields in client.xrange(keys.log(partition))]
    return [each for each in found if isinstance(each, Event)]


def test_everything_about_one_person(back_end: BackEnd, redis_client: Client) -> None:
    name_answers(gold="gold@2")
    bought = History(3, 1_180_000.0, NOW - 1_000, NOW, [Moment(NOW, 59.0, {"products.category": ["Outdoor"]})])
    profile = make_profile(
        ANNA,
        user_id="anna",
        identifiers=("a:f00", "u:anna"),
        traits=GOLD,
        events={"Order Completed": bought},
        segments={"gold@2": NOW, "gold@1": NOW, "silver@1": NOW},
        cluster="bargain hunters",
        scores={"churn": 0.25},
        consent={"marketing": Trait(True, NOW)},
    )
    keep_hot(redis_client, profile)
    archive(
        ANNA, "Page Viewed", "Order Completed", properties='{"order_id": 17, "products": [{"sku": "t1"}]}', value=59
    )
    answer = back_end.get(f"profiles/{ANNA}")
    assert answer.status == 200
    assert answer.body["id"] == ANNA.hex
    assert answer.body["userId"] == "anna"
    assert answer.body["identifiers"] == ["a:f00", "u:anna"]
    assert answer.body["firstSeen"] == "2027-01-15T08:00:00Z"
    assert answer.body["traits"] == {"plan": "gold"}
    assert answer.body["segments"] == [{"segment": "gold", "since": "2027-01-15T08:00:00Z"}]
    assert (answer.body["cluster"], answer.body["scores"]) == ("bargain hunters", {"churn": 0.25})
    assert answer.body["consent"] == {"marketing": {"granted": True, "at": "2027-01-15T08:00:00Z"}}
    [told] = answer.body["behaviour"]
    assert (told["event"], told["count"], told["value"]) == ("Order Completed", 3, 118.0)
    assert told["recent"] == [
        {"at": "2027-01-15T08:00:00Z", "value": 59.0, "properties": {"products.category": ["Outdoor"]}}
    ]
    orders = answer.body["transactions"]
    assert (orders["count"], orders["revenue"]) == (3, 118.0)
    assert [(each["orderId"], each["products"], each["revenue"]) for each in orders["newest"]] == [
        ("17", [{"sku": "t1"}], 59.0)
    ]


@pytest.mark.parametrize("id", [ANNA.hex, str(ANNA), "u:anna", "a:f00", "a%3Af00"])
def test_a_person_is_found_by_every_id(back_end: BackEnd, redis_client: Client, id: str) -> None:
    keep_hot(redis_client, make_profile(ANNA, user_id="anna"))
    for key in ("u:anna", "a:f00"):
        link_hot(redis_client, key, ANNA)
    assert back_end.get(f"profiles/{id}").body["id"] == ANNA.hex


def test_who_was_never_linked_has_the_profile_of_the_identifier(back_end: BackEnd, redis_client: Client) -> None:
    keep_hot(redis_client, Profile(id=derive_profile_id("a:f00")))
    assert back_end.get("profiles/a:f00").body["id"] == derive_profile_id("a:f00")


def test_who_became_somebody_else_is_that_person(back_end: BackEnd, redis_client: Client) -> None:
    keep_hot(redis_client, make_profile(BEN))
    link_hot(redis_client, f"p:{ANNA.hex}", BEN)
    assert back_end.get(f"profiles/{ANNA}").body["id"] == BEN.hex


def test_whoever_is_not_hot_is_read_from_the_durable_copy(back_end: BackEnd) -> None:
    keep(make_profile(ANNA, traits=GOLD))
    assert back_end.get(f"profiles/{ANNA}").body["traits"] == {"plan": "gold"}


@pytest.mark.parametrize("id", [str(BEN), "u:nobody", "u:", "x", "a:" + "y" * 300, "%00"])
def test_nobody_is_nobody(back_end: BackEnd, id: str) -> None:
    assert back_end.get(f"profiles/{id}").code == "not_found"


def test_the_list_goes_through_everybody_once(back_end: BackEnd) -> None:
    for number in range(7):
        keep(make_profile(UUID(int=number + 1), user_id=f"u{number}"))
    seen, answer = [], back_end.get("profiles", limit=3)
    while True:
        seen += [each["userId"] for each in answer.items]
        if answer.body["next"] is None:
            break
        answer = back_end.get(answer.body["next"])
    assert seen == [f"u{number}" for number in range(7)]


def test_people_are_found_by_their_ids_and_traits(back_end: BackEnd, redis_client: Client) -> None:
    keep(make_profile(ANNA, user_id="anna", traits={**GOLD, "age": Trait(40, NOW)}))
    keep(make_profile(BEN, user_id="ben", traits={"age": Trait("40", NOW), "vip": Trait(True, NOW)}))
    link_hot(redis_client, "u:anna", ANNA)
    link_hot(redis_client, "a:f00", BEN)

    def find(**query: str) -> list[str]:
        return [each["userId"] for each in back_end.get("profiles", **query).items]

    assert find(user_id="anna") == ["anna"]
    assert find(anonymous_id="f00") == ["ben"]
    assert find(user_id="nobody") == []
    assert find(trait="plan:gold") == ["anna"]
    assert find(trait="age:40") == ["anna", "ben"]
    assert find(trait="vip:true") == ["ben"]
    assert find(trait="plan:go") == []
    assert back_end.get("profiles", trait="gold").code == "bad_parameter"


def test_a_search_looks_at_so_many_people_and_then_says_where_to_go_on(
    back_end: BackEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personalization.paging.WALKED", 4)
    for number in range(10):
        keep(make_profile(UUID(int=number + 1), user_id=f"u{number}", traits=GOLD if number in (5, 9) else {}))
    pages, answer = [], back_end.get("profiles", trait="plan:gold")
    while True:
        pages.append([each["userId"] for each in answer.items])
        if answer.body["next"] is None:
            break
        answer = back_end.get(answer.body["next"])
    assert pages == [[], ["u5"], ["u9"]]


def test_the_past_in_pages_with_that_of_whoever_became_part(back_end: BackEnd, redis_client: Client) -> None:
    archive(ANNA, "A", "B", "Order Completed")
    archive(BEN, "C", "D")
    state = pack(make_profile(BEN))
    MergeRecord.objects.create(loser_id=BEN, winner_id=ANNA, state=state, because="m1", at=AT)
    seen, answer = [], back_end.get(f"profiles/{ANNA}/events", limit=2)
    while True:
        seen += [each["event"] for each in answer.items]
        if answer.body["next"] is None:
            break
        answer = back_end.get(answer.body["next"])
    assert sorted(seen) == ["A", "B", "C", "D", "Order Completed"]
    assert seen[0] == "Order Completed"
    assert set(seen[-2:]) == {"A", "C"}
    assert [each["event"] for each in back_end.get(f"profiles/{ANNA}/events", event="C").items] == ["C"]
    assert len(back_end.get(f"profiles/{ANNA}/transactions").items) == 1


def test_traits_and_consent_go_through_the_event_log(back_end: BackEnd, redis_client: Client) -> None:
    keep_hot(redis_client, make_profile(ANNA, user_id="anna"))
    answer = back_end.patch(f"profiles/{ANNA}", {"traits": {"plan": "gold"}, "consent": {"marketing": False}})
    assert answer.status == 202
    said, agreed = sorted(read_log(redis_client), key=lambda event: event.type)
    assert (said.type, said.user_id, said.traits, said.source) == ("identify", "anna", {"plan": "gold"}, "shop")
    assert agreed.name == "Segment Consent Preference Updated"
    assert agreed.context == {"consent": {"categoryPreferences": {"marketing": False}}}
    assert [each["messageId"] for each in answer.body["messages"]] == [said.id, agreed.id]


def test_somebody_new_can_be_told_of(back_end: BackEnd, redis_client: Client) -> None:
    assert back_end.patch("profiles/u:new", {"traits": {"plan": "gold"}}).status == 202
    [event] = read_log(redis_client)
    assert event.user_id == "new"
    assert redis_client.xlen(keys.log(partition_of(derive_profile_id("u:new"), 8))) == 1


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("", "empty")]),
        ([], [("", "not_an_object")]),
        ({"traits": {}}, [("/traits", "empty")]),
        ({"traits": "gold"}, [("/traits", "not_a_dict")]),
        ({"consent": {"ads": "perhaps"}}, [("/consent/ads", "invalid")]),
        ({"plan": "gold"}, [("/plan", "unknown_field")]),
        ({"traits": {"x": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}}}, [("/traits", "too_deep")]),
    ],
)
def test_what_cannot_be_said_is_told_with_its_place(
    back_end: BackEnd, redis_client: Client, body: Any, errors: list[tuple[str, str]]
) -> None:
    answer = back_end.patch("profiles/u:anna", body)
    assert (answer.code, answer.status, answer.errors) == ("invalid", 422, errors)
    assert read_log(redis_client) == []


def test_one_wrong_half_keeps_the_other_from_being_said(back_end: BackEnd, redis_client: Client) -> None:
    body = {"traits": {"plan": "gold"}, "consent": {f"{number}": True for number in range(51)}}
    assert back_end.patch("profiles/u:anna", body).errors == [("/consent", "too_many")]
    assert read_log(redis_client) == []


def test_nobody_known_by_a_profile_id_alone_cannot_be_told_of(back_end: BackEnd) -> None:
    assert back_end.patch(f"profiles/{ANNA}", {"traits": {"plan": "gold"}}).code == "not_found"


def test_questions_to_the_database_do_not_grow_with_people_or_their_past(
    back_end: BackEnd, redis_client: Client, django_assert_num_queries: Any
) -> None:
    asked = {"profiles": 2, f"profiles/{ANNA}": 2, f"profiles/{ANNA}/events": 1, f"profiles/{ANNA}/transactions": 1}
    for _ in range(2):
        for number in range(5):
            profile = make_profile(UUID(int=len(read_ids()) + 1), user_id=f"u{number}")
            keep(profile)
            keep_hot(redis_client, profile)
        archive(ANNA, *["Order Completed"] * 5)
        for path, count in asked.items():
            with django_assert_num_queries(count):
                assert back_end.get(path).status == 200


def read_ids() -> list[UUID]:
    return list(StoredProfile.objects.values_list("id", flat=True))


def test_reading_and_writing_take_their_own_scopes(connect: Connect) -> None:
    reader, writer = connect("profiles:read"), connect("profiles:write")
    assert reader.patch("profiles/u:anna", {"traits": {"a": 1}}).code == "scope_missing"
    assert writer.get("profiles/u:anna").code == "scope_missing"
    assert writer.patch("profiles/u:anna", msgspec.json.encode({"traits": {"a": 1}})).status == 202
