"""The pages of how segments are: all in a table, and each with its chart and who came and went."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from profiles import keys
from profiles.clients import Client as Redis
from rules.actions import publish_book
from segments.models import Build, Segment, SegmentChange, SegmentSize
from tests.admin.operators import condition, sign_in, sign_in_owner
from tests.rosters import end_builds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

HEALTH = "/admin/segments/segment/health/"
NOW = timezone.now()
THIS = NOW.replace(minute=0, second=0, microsecond=0)
PERSON = UUID(int=7)


def define(slug: str, name: str | None = None, **value: Any) -> Segment:
    tree = condition(**value)
    return Segment.objects.update_or_create(slug=slug, defaults={"name": name or slug.title(), "condition": tree})[0]


def put_in_force() -> None:
    publish_book(by=None, at=timezone.now())
    end_builds()


def count(slug: str, *people: int) -> None:
    """Sizes of the last hours up to this one, since long in force."""
    Build.objects.exclude(in_force=None).update(in_force=NOW - timedelta(days=60))
    for number, size in enumerate(reversed(people)):
        SegmentSize.objects.create(segment=slug, version=1, hour=THIS - timedelta(hours=number), size=size)


def change(slug: str, what: str = "entered", cause: str = "event", because: str = "m1", ago: int = 0) -> None:
    at = NOW - timedelta(seconds=ago)
    SegmentChange.objects.create(profile_id=PERSON, segment=slug, what=what, at=at, cause=cause, because=because)


def read(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def viewer(*more: str) -> Client:
    return sign_in("segments.view_segment", *more)


def test_the_table_tells_of_every_segment() -> None:
    define("gold", "Gold plan")
    put_in_force()
    count("gold", *[1_200] * 2, *[1_300] * 24)
    change("gold")
    define("silver", "Silver", value="silver")
    page = read(viewer(), HEALTH)
    gold, silver = (page[page.index(f"/health/{slug}/") :] for slug in ("gold", "silver"))
    assert "1,300" in gold.partition("</tr>")[0] and "+100" in gold.partition("</tr>")[0]
    assert '<span class="state state-in-force">in force</span>' in gold.partition("</tr>")[0]
    assert re.search(r'aria-label="From 1,200 on .* to 1,300 now; at least 1,200, at most 1,300\."', gold)
    assert '<span class="state state-draft">draft</span>' in silver
    assert "not counted yet" in silver


def test_trouble_is_on_top_with_its_reason() -> None:
    for slug in ("a", "b", "z"):
        define(slug)
    put_in_force()
    define("z", value="other")
    publish_book(by=None, at=timezone.now() - timedelta(minutes=5))
    page = read(viewer(), HEALTH)
    assert page.index("/health/z/") < page.index("/health/a/") < page.index("/health/b/")
    assert "Version 2 gets nowhere: No archiver is running" in page
    assert "Version 1 goes on to answer." in page


def test_what_is_missing_is_said_on_top() -> None:
    assert "No archiver is running. What is published does not come into force" in read(viewer(), HEALTH)


def test_how_late_things_are_is_said_with_its_meaning(redis_client: Redis) -> None:
    redis_client.zadd(keys.timers(3), {"somebody": int(NOW.timestamp() * 1_000) - 7_200_000})
    page = read(viewer(), HEALTH)
    assert re.search(
        r"Membership is late by</dt><dd>2 h( \d+ min)?</dd><dd class=\"meaning\">since a window ended", page
    )
    assert "Events wait for</dt><dd>under 1 s</dd>" in page


def test_an_old_number_says_of_when_it_is() -> None:
    define("gold")
    put_in_force()
    count("gold", 5)
    assert 'class="quiet">at ' not in read(viewer(), HEALTH)
    SegmentSize.objects.update(hour=THIS - timedelta(hours=4))
    assert 'class="quiet">at ' in read(viewer(), HEALTH)


def test_nothing_defined_yet_is_said() -> None:
    assert "There is no segment yet." in read(viewer(), HEALTH)
    assert "Define one" not in read(viewer(), HEALTH)
    assert "Define one" in read(sign_in_owner(), HEALTH)


def test_it_looks_again_while_something_is_under_way_and_rests_afterwards() -> None:
    define("gold")
    publish_book(by=None, at=timezone.now())
    client = viewer()
    for address in (HEALTH, f"{HEALTH}gold/"):
        assert '<meta http-equiv="refresh" content="3">' in read(client, address)
    end_builds()
    for address in (HEALTH, f"{HEALTH}gold/"):
        assert "http-equiv" not in read(client, address)


def test_a_segment_has_its_facts_its_chart_and_who_came_and_went() -> None:
    define("gold", "Gold plan")
    put_in_force()
    count("gold", *range(10, 40))
    change("gold", "entered", "event", "m1", ago=9)
    change("gold", "left", "time", "", ago=8)
    change("gold", "entered", "build", "4", ago=7)
    change("other", ago=1)
    page = read(viewer("profiles.view_storedprofile"), f"{HEALTH}gold/")
    assert "Version 1 answers." in page
    assert '<title id="chart-title">People in Gold plan over time</title>' in page
    assert re.search(r"From 10 on .* to 39 now; at least 10, at most 39\.", page)
    assert page.count(f"/admin/profiles/storedprofile/{PERSON}/change/") == 3
    assert page.index("its definition or list: build 4") < page.index("a window that ended") < page.index("message m1")
    assert "<td>39</td>" in page.replace(' class="number"', "")


def test_the_newest_fifty_changes_are_shown() -> None:
    define("gold")
    for number in range(60):
        change("gold", because=f"message-{number:02}", ago=number)
    page = read(viewer("profiles.view_storedprofile"), f"{HEALTH}gold/")
    assert "message-49" in page and "message-50" not in page


def test_another_version_is_marked_in_the_chart() -> None:
    define("gold")
    put_in_force()
    count("gold", 5, 5, 5)
    define("gold", value="silver")
    put_in_force()
    SegmentSize.objects.create(segment="gold", version=2, hour=THIS, size=9)
    page = read(viewer(), f"{HEALTH}gold/")
    assert "A dashed line: another version began to answer." in page
    assert page.count("<line ") == 1
    assert "9" in page and "Version 2 answers." in page


@pytest.mark.parametrize("days", ["1", "30", "365"])
def test_the_chart_of_another_period(days: str) -> None:
    define("gold")
    put_in_force()
    count("gold", 5, 6)
    assert f'<a href="?days={days}">' in read(viewer(), f"{HEALTH}gold/")
    assert f'<a href="?days={days}">' not in read(viewer(), f"{HEALTH}gold/?days={days}")
    assert "<svg" in read(viewer(), f"{HEALTH}gold/?days={days}")


@pytest.mark.parametrize("days", ["0", "-1", "x", "9" * 400, ""])
def test_a_period_that_is_none_is_a_week(days: str) -> None:
    define("gold")
    assert '<strong aria-current="true">Week</strong>' in read(viewer(), f"{HEALTH}gold/?days={days}")


def test_pages_have_neither_scripts_nor_styles_of_their_own() -> None:
    define("gold", '<script>alert("gold")</script>')
    put_in_force()
    count("gold", 5, 6)
    for address in (HEALTH, f"{HEALTH}gold/"):
        content = viewer("profiles.view_storedprofile").get(address).content.decode()
        inner = content[content.index('id="content-main"') :].partition("</main>")[0]
        assert "style=" not in inner and "<style" not in inner and "<script" not in inner


def test_a_segment_that_is_nowhere_is_not_found() -> None:
    assert viewer().get(f"{HEALTH}none/").status_code == 404


def test_who_may_not_see_people_does_not_see_who_came_and_went() -> None:
    define("gold")
    change("gold")
    assert str(PERSON) not in read(viewer(), f"{HEALTH}gold/")
    assert "Who came and went" not in read(viewer(), f"{HEALTH}gold/")


def test_who_may_not_see_segments_sees_nothing() -> None:
    define("gold")
    client = sign_in("profiles.view_storedprofile", "segments.view_build")
    for address in (HEALTH, f"{HEALTH}gold/"):
        assert client.get(address).status_code == 403
        assert viewer().post(address).status_code == 405
        assert Client().get(address)["Location"].startswith("/admin/login/")


def test_links_lead_where_one_may_go() -> None:
    define("gold")
    publish_book(by=None, at=timezone.now())
    assert "/admin/segments/build/" not in read(viewer(), HEALTH).partition("content-main")[2]
    page = read(viewer("segments.view_build"), f"{HEALTH}gold/")
    assert f"/admin/segments/build/{Build.objects.get().pk}/change/" in page
    listed = read(viewer(), "/admin/segments/segment/")
    assert HEALTH in listed and f"{HEALTH}gold/" in listed


def test_many_segments_cost_no_more_queries(django_assert_max_num_queries: Any) -> None:
    client = sign_in_owner()
    for number in range(40):
        define(f"s{number}")
    put_in_force()
    for number in range(40):
        SegmentSize.objects.create(segment=f"s{number}", version=1, hour=THIS, size=number)
        change(f"s{number}")
    with django_assert_max_num_queries(18):
        assert "s39" in read(client, HEALTH)
    with django_assert_max_num_queries(20):
        read(client, f"{HEALTH}s1/")


def test_a_hundred_are_on_a_page() -> None:
    for number in range(101):
        define(f"s{number:03}", f"S{number:03}")
    page = read(viewer(), HEALTH)
    assert "/health/s099/" in page and "/health/s100/" not in page
    assert "Page 1 of 2" in page
    assert "/health/s100/" in read(viewer(), f"{HEALTH}?p=2")
    assert "/health/s100/" in read(viewer(), f"{HEALTH}?p=99")
    assert "/health/s000/" in read(viewer(), f"{HEALTH}?p=x")
