"""People in the admin: found by exact identifiers through indexes, readable, bounded, and never changed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from profiles.actions import copy_events
from profiles.admin import BoundedPaginator
from profiles.event import derive_profile_id
from profiles.models import Identifier, MergeRecord, StoredProfile
from profiles.profile import History, Moment, Profile, Trait, pack
from profiles.queries import find_profiles, list_past_events
from profiles.rows import ArchiveRow
from segments.models import Roster as StoredRoster
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

PEOPLE = "/admin/profiles/storedprofile/"
NOW = 1_800_000_000_000
AT = datetime.fromtimestamp(NOW / 1_000, UTC)
ANNA, BEN, OLD, OLDER = (UUID(int=number) for number in (1, 2, 3, 4))


def store(id: UUID, user_id: str | None = None, **known: Any) -> StoredProfile:
    profile = Profile(id=id.hex, user_id=user_id, first_seen=NOW, last_seen=NOW, **known)
    return StoredProfile.objects.create(
        id=id,
        user_id=user_id,
        first_seen=AT,
        last_seen=AT,
        traits={name: trait.value for name, trait in profile.traits.items()},
        segments=profile.segments,
        state=pack(profile),
        updated=AT,
    )


def archive(id: UUID, *names: str, at: datetime = AT) -> None:
    rows = [
        ArchiveRow(
            *(at, at, "shop", f"{id}-{number}", id.hex, "track", name, "f00", None, 0.0),
            *('{"category": "Outdoor"}', "{}", "{}", '["gold"]', "[]"),
        )
        for number, name in enumerate(names)
    ]
    copy_events(rows)


def link(key: str, id: UUID) -> None:
    Identifier.objects.create(key=key, profile_id=id, at=AT)


def merge(loser: UUID, winner: UUID) -> MergeRecord:
    link(f"p:{loser.hex}", winner)
    state = pack(Profile(id=loser.hex, events={"Product Viewed": History(7, 0.0, NOW, NOW, [])}))
    return MergeRecord.objects.create(loser_id=loser, winner_id=winner, state=state, because="m1", at=AT)


def look(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_person_is_readable() -> None:
    StoredRoster.objects.create(number=1, payload={"answers": {"gold": "gold@2"}}, at=AT)
    store(
        ANNA,
        "anna",
        identifiers=("a:f00", "u:anna"),
        traits={"name": Trait("Änna <b>", NOW)},
        events={"Product Viewed": History(12, 405_000.0, NOW, NOW, [Moment(NOW, 0.0, {"category": "Outdoor"})])},
        segments={"gold@2": NOW, "gold@3": NOW, "silver@1": NOW},
        scores={"churn": 0.25},
    )
    archive(ANNA, "Product Viewed")
    page = look(sign_in("profiles.view_storedprofile"), f"{PEOPLE}{ANNA}/change/")
    for shown in ('"name": "Änna <b>"', "gold, since 15 Jan 2027", "a:f00", "40.5", '{"category": "Outdoor"}', "0.250"):
        assert escape(shown) in page
    assert "<td>Product Viewed</td><td>12</td>" in page
    assert "Änna <b>" not in page


def test_a_state_of_another_version_is_said_to_be_so() -> None:
    store(ANNA, "anna")
    for raw in (b"", b"\xff\x00", b"\x28\xb5\x2f\xfdnonsense"):
        StoredProfile.objects.update(state=raw)
        assert "cannot be read by this version" in look(sign_in_owner(), f"{PEOPLE}{ANNA}/change/")


@pytest.mark.parametrize("term", ["anna", "u:anna", "a:f00", "f00", str(ANNA), ANNA.hex, OLD.hex, " anna "])
def test_a_person_is_found_by_what_it_is_exactly_known_by(term: str) -> None:
    store(ANNA, "anna")
    store(BEN, "ben")
    link("u:anna", ANNA)
    link("a:f00", OLD)  # before the merge was archived
    merge(OLD, ANNA)
    page = look(sign_in_owner(), f"{PEOPLE}?q={term}")
    assert f"{PEOPLE}{ANNA}/change/" in page
    assert f"{PEOPLE}{BEN}/change/" not in page


def test_somebody_who_was_never_linked_is_found_too() -> None:
    stranger = UUID(derive_profile_id("a:f00"))
    store(stranger)
    for term in ("f00", "a:f00"):
        assert f"{PEOPLE}{stranger}/change/" in look(sign_in_owner(), f"{PEOPLE}?q={term}")


@pytest.mark.parametrize("term", ["ann", "x", "u:", "%00", "%25", "'", "{00000000-0000-0000-0000-00000000000g}"])
def test_anything_else_finds_nobody(term: str) -> None:
    store(ANNA, "anna")
    if term != "%00":
        assert f"{PEOPLE}{ANNA}/change/" not in look(sign_in_owner(), f"{PEOPLE}?q={term}")
    for page in ("storedprofile", "identifier", "mergerecord"):
        look(sign_in_owner(), f"/admin/profiles/{page}/?q={term}")


def test_identifiers_in_a_circle_end() -> None:
    link(f"p:{ANNA.hex}", BEN)
    link(f"p:{BEN.hex}", ANNA)
    assert {ANNA, BEN} <= find_profiles(ANNA.hex)


def test_events_from_before_merges_belong_to_the_person() -> None:
    store(ANNA, "anna")
    merge(OLD, ANNA)
    merge(OLDER, OLD)
    archive(OLDER, "Page Viewed", at=datetime(2026, 1, 1, tzinfo=UTC))
    archive(OLD, "Product Viewed", at=datetime(2026, 2, 1, tzinfo=UTC))
    archive(ANNA, "Order Completed")
    archive(BEN, "Identified")
    names = [event.name for event in list_past_events(ANNA, limit=50)]
    assert names == ["Order Completed", "Product Viewed", "Page Viewed"]
    assert [event.name for event in list_past_events(ANNA, limit=2)] == names[:2]
    assert list_past_events(ANNA, limit=1)[0].entered == ["gold"]


def test_merges_and_identifiers_lead_to_the_person() -> None:
    store(ANNA, "anna")
    link("a:x/y z", ANNA)
    record = merge(OLD, ANNA)
    client = sign_in_owner()
    for address in ("identifier/?q=x/y z", f"identifier/?q={ANNA}", f"mergerecord/?q={OLD}", "mergerecord/?q=a:x/y z"):
        assert f"{PEOPLE}{ANNA}/change/" in look(client, f"/admin/profiles/{address}")
    page = look(client, f"/admin/profiles/mergerecord/{record.pk}/change/")
    assert "<td>Product Viewed</td><td>7</td>" in page
    assert look(client, "/admin/profiles/identifier/a_3Ax_2Fy z/change/")


@pytest.mark.parametrize("page", ["storedprofile", "identifier", "mergerecord"])
def test_nothing_is_changed_here(page: str) -> None:
    store(ANNA, "anna")
    key = {"storedprofile": ANNA, "identifier": f"p_3A{OLD.hex}", "mergerecord": merge(OLD, ANNA).pk}[page]
    client = sign_in_owner()
    assert client.get(f"/admin/profiles/{page}/add/").status_code == 403
    assert client.post(f"/admin/profiles/{page}/{key}/change/", {"user_id": "x"}).status_code == 403
    assert client.post(f"/admin/profiles/{page}/{key}/delete/", {"post": "yes"}).status_code == 403
    assert look(sign_in(f"profiles.view_{page}"), f"/admin/profiles/{page}/{key}/change/")
    assert sign_in("rules.view_rule").get(f"/admin/profiles/{page}/").status_code == 403


@pytest.mark.parametrize("page", ["storedprofile", "identifier", "mergerecord"])
def test_a_long_list_costs_no_more_queries(page: str, django_assert_max_num_queries: Any) -> None:
    for number in range(100, 160):
        store(UUID(int=number), f"user-{number}")
        merge(UUID(int=1_000 + number), UUID(int=number))
    client = sign_in_owner()
    with django_assert_max_num_queries(6):
        look(client, f"/admin/profiles/{page}/")


def test_counting_ends_where_nobody_turns_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedPaginator, "most", 20)
    for number in range(30):
        store(UUID(int=number), f"user-{number}")
    assert "20 profiles" in look(sign_in_owner(), PEOPLE)


@pytest.mark.parametrize(
    "address",
    [
        "storedprofile/",
        "storedprofile/?q=anna",
        f"storedprofile/?q={ANNA}",
        f"storedprofile/{ANNA}/change/",
        "identifier/?q=anna",
        "mergerecord/?q=anna",
    ],
)
def test_indexes_answer_everything(address: str) -> None:
    """With few rows PostgreSQL reads whole tables; told not to, it can only where an index would help."""
    store(ANNA, "anna")
    merge(OLD, ANNA)
    client = sign_in_owner()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        look(client, f"/admin/profiles/{address}")
    asked = [query["sql"] for query in captured if "profiles_" in query["sql"]]
    assert asked
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in asked:
            cursor.execute("EXPLAIN " + sql.replace("%", "%%"))
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
