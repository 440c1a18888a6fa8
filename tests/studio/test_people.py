"""The list of people: everybody is found by what is known of them, and comes once, the last seen first."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from profiles.models import StoredProfile
from profiles.profile import Profile, pack
from studio.people import views
from tests.builds.conftest import Engine, engine
from tests.studio.people import sign_in
from tests.studio.somebody import LAPTOP, PHONE, live_through, spread

__all__ = ["engine"]
pytestmark = pytest.mark.django_db
PAGE = "/studio/people/"


@pytest.fixture
def anna(engine: Engine) -> UUID:
    engine.send("Product Viewed", people=["stranger"])
    return live_through(engine, age=34, newsletter=True)


def find(role: str = "owner", **asked: str) -> list[UUID]:
    """Whom the list shows, in its order."""
    page = sign_in(role).get(PAGE, asked)
    assert page.status_code == 200
    return [UUID(id) for id in re.findall(rf'href="{PAGE}([0-9a-f-]{{36}})/"', page.content.decode())]


FINDS_HER: tuple[dict[str, str], ...] = (
    {"q": "anna"},
    {"q": "u:anna"},
    {"q": "phone"},
    {"q": "a:laptop"},
    {"q": str(LAPTOP)},
    {"q": PHONE.hex},
    {"q": " anna@EXAMPLE.com "},
    {"q": "plan:gold"},
    {"q": "age:34"},
    {"q": "newsletter:true"},
    {"trait": "plan", "value": "gold"},
    {"trait": "age", "value": "34"},
    {"audience": "golden"},
    {"q": "plan:gold", "audience": "buyers"},
)
FINDS_NOBODY: tuple[dict[str, str], ...] = (
    {"q": "nobody"},
    {"q": "ann"},
    {"q": "ben@example.com"},
    {"q": "plan:silver"},
    {"q": "plan:go"},
    {"q": "anna", "trait": "plan", "value": "silver"},
    {"q": "a:stranger", "audience": "golden"},
    {"q": "plan:" + "9" * 400},
    {"q": "x" * 5_000},
)


def test_somebody_is_found_by_whatever_is_known(anna: UUID) -> None:
    assert [asked for asked in FINDS_HER if find(**asked) != [anna]] == []
    assert [asked for asked in FINDS_NOBODY if find(**asked)] == []
    assert len(find(q="\0")) == 2  # which is no search at all


def test_an_empty_page_says_how_people_come(redis_client: Any) -> None:
    assert "People come with their first event" in sign_in("analyst").get(PAGE).content.decode()
    assert "Nobody like that" in sign_in("analyst").get(PAGE, {"q": "x"}).content.decode()


def store(count: int, **more: Any) -> list[UUID]:
    """So many people, of whom every three were seen at the same moment, in the order of the list."""
    moments = spread(timezone.now(), count)
    people = [
        StoredProfile(id=uuid4(), first_seen=at, last_seen=at, updated=at, state=pack(Profile(id="x")), **more)
        for at in moments
    ]
    StoredProfile.objects.bulk_create(people)
    return [each.pk for each in sorted(people, key=lambda each: (each.last_seen, each.pk), reverse=True)]


@pytest.mark.parametrize("most", [10, 10_000], ids=["common", "rare"])
def test_every_page_goes_on_where_the_one_before_ended(
    most: int, redis_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("profiles.search.MOST", most)
    store(7, traits={"plan": "silver"})
    people = store(60, traits={"plan": "gold"})
    client, found, after = sign_in("owner"), list[str](), ""
    while True:
        page = client.get(PAGE, {"q": "plan:gold", "after": after}).content.decode()
        found += re.findall(rf'href="{PAGE}([0-9a-f-]{{36}})/"', page)
        said = re.search(r'rel="next" href="\?q=plan%3Agold&amp;after=([^"]+)"', page)
        if said is None:
            break
        after = said[1].replace("%3A", ":").replace("%2B", "+").replace("~", "~")
    assert list(map(UUID, found)) == people
    assert ("More than 10,000 people" in page) is (most == 10)


def test_a_place_that_is_none_is_the_beginning() -> None:
    assert [views.read_place(said) for said in ("", "x", "2026-01-01~", f"2026-01-01T00:00:00~{uuid4()}")] == [None] * 4


def test_a_longer_list_takes_no_more_queries(redis_client: Any) -> None:
    client, counts = sign_in("analyst"), []
    for more in (3, 22):
        store(more, traits={"email": "x@example.com"})
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(PAGE)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10


def test_who_was_seen_last_comes_first(anna: UUID) -> None:
    stranger = next(id for id in find() if id != anna)
    assert find() == [anna, stranger]
    StoredProfile.objects.filter(pk=stranger).update(last_seen=timezone.now() + timedelta(seconds=1))
    assert find() == [stranger, anna]


def test_a_long_address_is_kept_and_found(engine: Engine) -> None:
    """Whatever a site sends as an e-mail address, the archive takes it."""
    email = "a" * 9_000 + "@example.com"
    engine.send("Identified", people=["laptop"], type="identify", traits={"email": email})
    assert find(q=email[:300] + "@")[:1] in ([], [LAPTOP])
    assert find(trait="email", value=email[:400]) == []
    assert find(q="laptop") == [LAPTOP]
