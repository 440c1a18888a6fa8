"""Builds in the admin: how far they are, cancelled with a confirmation, tried again from what is published."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from rules.actions import publish_book
from segments.actions import MAX_TRIES, blame_build, cancel_build, plan_recall
from segments.models import Build, Member, Segment, SegmentVersion, Upload
from segments.queries import read_roster
from tests.admin.operators import condition, sign_in, sign_in_owner
from tests.rosters import end_builds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

BUILDS = "/admin/segments/build/"
MAY_CHANGE = ("segments.view_build", "segments.change_build")


def publish(plan: str = "gold") -> Build:
    Segment.objects.update_or_create(slug="gold", defaults={"name": "Gold", "condition": condition(value=plan)})
    publish_book(by=None, at=timezone.now())
    build = Build.objects.first()
    assert build is not None
    return build


def read(client: Client, address: str) -> str:
    answer = client.get(address, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def fail(build: Build) -> None:
    for _ in range(MAX_TRIES):
        blame_build(build, "ValueError: no way", at=timezone.now())


def test_the_list_says_how_far_each_is() -> None:
    publish()
    end_builds()
    build = publish("silver")
    now = timezone.now()
    Build.objects.filter(pk=build.pk).update(
        state="filling", done=50, total=200, heartbeat=now, asked=now - timedelta(seconds=10), started=now
    )
    page = read(sign_in("segments.view_build"), BUILDS)
    assert "Done" in page
    assert '<progress max="100" value="25">' in page
    assert "50 of 200 people asked, about 30 s left, 5 a second" in page
    assert "/admin/segments/segment/health/gold/" in page
    assert '<meta http-equiv="refresh" content="3">' in page


def test_a_stuck_build_says_why() -> None:
    build = publish()
    Build.objects.update(queued=timezone.now() - timedelta(hours=1))
    for address in (BUILDS, f"{BUILDS}{build.pk}/change/"):
        page = read(sign_in("segments.view_build"), address)
        assert '<span class="state state-stuck">Stuck: Queued</span> No archiver is running' in page


def test_a_failed_build_says_what_went_wrong_and_the_page_rests() -> None:
    fail(publish())
    page = read(sign_in("segments.view_build"), BUILDS)
    assert '<span class="state state-failed">Failed</span> ValueError: no way' in page
    assert "http-equiv" not in page


def test_many_segments_are_cut_short_in_the_list_and_whole_on_the_page() -> None:
    for number in range(6):
        Segment.objects.create(slug=f"s{number}", name="S", condition=condition())
    build = publish()
    client = sign_in("segments.view_build")
    assert "and 4 more" in read(client, BUILDS)
    page = read(client, f"{BUILDS}{build.pk}/change/")
    assert all(f"/health/s{number}/" in page for number in range(6))


def test_a_build_that_only_withdraws_says_so() -> None:
    publish()
    end_builds()
    Segment.objects.update(live=False)
    publish_book(by=None, at=timezone.now())
    assert "none is new: some were withdrawn" in read(sign_in("segments.view_build"), BUILDS)


def test_a_build_of_properties_names_them() -> None:
    build = plan_recall({"Product Viewed": ["fabric", "size"]}, at=timezone.now())
    said = "what was declared later is remembered: fabric, size of Product Viewed"
    assert said in sign_in("segments.view_build").get(f"{BUILDS}{build.pk}/change/").content.decode()


def test_a_long_list_costs_no_more_queries(django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        publish(str(number))
        end_builds()
    publish("last")
    client = sign_in_owner()
    with django_assert_max_num_queries(14):
        assert "Build " in read(client, BUILDS)


def test_cancelling_asks_first() -> None:
    publish()
    end_builds()
    build = publish("silver")
    client = sign_in(*MAY_CHANGE)
    assert f"{BUILDS}{build.pk}/cancel/" in read(client, f"{BUILDS}{build.pk}/change/")
    assert "what answers now goes on to" in read(client, f"{BUILDS}{build.pk}/cancel/")
    build.refresh_from_db()
    assert build.state == Build.State.QUEUED
    page = client.post(f"{BUILDS}{build.pk}/cancel/", follow=True).content.decode()
    assert f"Build {build.pk} is cancelled." in page
    build.refresh_from_db()
    assert (build.state, build.error) == (Build.State.CANCELLED, "Cancelled by operator-0.")
    assert read_roster().coming == {"gold": "gold@1"}
    assert LogEntry.objects.get().get_change_message() == "Cancelled."
    page = read(client, f"{BUILDS}{build.pk}/change/")
    assert f"{BUILDS}{build.pk}/cancel/" not in page and f"{BUILDS}{build.pk}/try-again/" in page


def test_what_is_in_force_is_not_cancelled() -> None:
    build = publish()
    end_builds()
    client = sign_in(*MAY_CHANGE)
    assert "/cancel/" not in read(client, f"{BUILDS}{build.pk}/change/")
    for page in (
        read(client, f"{BUILDS}{build.pk}/cancel/"),
        client.post(f"{BUILDS}{build.pk}/cancel/", follow=True).content.decode(),
    ):
        assert "it is too late to cancel it" in page
    build.refresh_from_db()
    assert build.state == Build.State.DONE
    assert not LogEntry.objects.exists()


def test_a_failed_build_is_tried_again_from_what_is_published() -> None:
    build = publish()
    fail(build)
    client = sign_in(*MAY_CHANGE)
    assert "is filled from the start" in read(client, f"{BUILDS}{build.pk}/try-again/")
    assert Build.objects.count() == 1
    page = client.post(f"{BUILDS}{build.pk}/try-again/", follow=True).content.decode()
    again = Build.objects.first()
    assert again is not None and again != build
    assert f"Build {again.pk} is under way." in page
    assert [version.key for version in again.versions.all()] == ["gold@2"]
    assert read_roster().coming == {"gold": "gold@2"}


def test_what_is_on_its_way_is_not_started_twice() -> None:
    build = publish()
    cancel_build(build, at=timezone.now())
    newer = publish("silver")
    client = sign_in(*MAY_CHANGE)
    page = client.post(f"{BUILDS}{build.pk}/try-again/", follow=True).content.decode()
    assert "There is nothing to do" in page
    assert Build.objects.first() == newer


def test_what_neither_failed_nor_was_cancelled_is_not_tried_again() -> None:
    build = publish()
    end_builds()
    client = sign_in(*MAY_CHANGE)
    assert "/try-again/" not in read(client, f"{BUILDS}{build.pk}/change/")
    page = client.post(f"{BUILDS}{build.pk}/try-again/", follow=True).content.decode()
    assert "there is nothing to try again" in page
    assert Build.objects.count() == 1


def test_the_people_of_a_file_are_added_again() -> None:
    segment = Segment.objects.create(slug="guests", name="Guests", kind="list")
    now = timezone.now()
    version = SegmentVersion.objects.create(segment="guests", version=1, kind="list", source="guests.csv", made=now)
    upload = Upload.objects.create(
        segment=segment, version=version, file="guests.csv", column="user", replaces=False, at=now
    )
    Member.objects.create(version=version, upload=upload, profile_id="00000000-0000-0000-0000-000000000001")
    build = Build.objects.create(roster=0, upload=upload, queued=now, state=Build.State.FAILED, finished=now)
    build.versions.add(version)
    client = sign_in(*MAY_CHANGE)
    assert "The people of guests.csv are put into the list anew" in read(client, f"{BUILDS}{build.pk}/try-again/")
    client.post(f"{BUILDS}{build.pk}/try-again/")
    again = Build.objects.first()
    assert again is not None and again != build
    assert (again.upload, list(again.versions.all()), again.state) == (upload, [version], Build.State.QUEUED)
    assert "people of guests.csv" in read(client, BUILDS)


def test_who_may_only_look_cannot_cancel_or_try_again() -> None:
    build = publish()
    client = sign_in("segments.view_build", "segments.delete_build", "rules.add_book")
    assert "/cancel/" not in read(client, f"{BUILDS}{build.pk}/change/")
    for action in ("cancel", "try-again"):
        for method in (client.get, client.post):
            assert method(f"{BUILDS}{build.pk}/{action}/").status_code == 403
        assert Client().post(f"{BUILDS}{build.pk}/{action}/")["Location"].startswith("/admin/login/")
    build.refresh_from_db()
    assert build.state == Build.State.QUEUED


def test_builds_are_never_edited_or_deleted() -> None:
    build = publish()
    client = sign_in_owner()
    assert client.get(f"{BUILDS}add/").status_code == 403
    assert client.post(f"{BUILDS}{build.pk}/change/", {"state": "done"}).status_code == 403
    assert client.post(f"{BUILDS}{build.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_build_that_is_not_there() -> None:
    client = sign_in(*MAY_CHANGE)
    assert client.get(f"{BUILDS}77/cancel/").status_code == 404
    assert client.get(f"{BUILDS}77/change/").status_code == 302
    assert client.get(f"{BUILDS}{'9' * 40}/change/").status_code == 302
    assert sign_in().get(BUILDS).status_code == 403


def test_cancelling_needs_the_forms_token() -> None:
    build = publish()
    client = sign_in_owner()
    client.handler.enforce_csrf_checks = True
    assert client.post(f"{BUILDS}{build.pk}/cancel/").status_code == 403
