"""The people of audiences in the Studio: uploads and their undoing, exports, snapshots, who came and went, masking."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from profiles.event import anonymous_key, derive_profile_id
from profiles.models import AuditEntry, StoredProfile
from profiles.months import Months, month_of
from profiles.profile import Profile
from rules.actions import publish_book
from segments.actions import record_changes
from segments.models import Build, Member, Segment, Upload
from segments.queries import find_list_numbers
from segments.rows import ChangeRow
from segments.sizes import store_sizes
from tests.rosters import end_builds
from tests.segments.archive import store_person
from tests.studio.people import sign_in
from tests.studio.test_audiences import AUDIENCES, make, plan, publish, read, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]


@pytest.fixture
def team() -> Segment:
    return Segment.objects.create(slug="team", name="Our team", kind="list")


def send(client: Client, content: str | bytes, status: int = 200, **fields: Any) -> str:
    file = SimpleUploadedFile("team.csv", content.encode() if isinstance(content, str) else content)
    return text_of(client.post(f"{AUDIENCES}team/upload/", {"file": file, **fields}, follow=True), status)


def list_ids() -> set[str | None]:
    """Who is in the version that uploads go into."""
    number = find_list_numbers(["team"])["team"]
    return set(
        Member.objects.filter(version__segment="team", version__version=number).values_list("identifier", flat=True)
    )


def store(name: str, *keys: str, user_id: str | None = None) -> UUID:
    profile = Profile(id=derive_profile_id(anonymous_key(name)), segments=dict.fromkeys(keys, 1))
    store_person(UUID(profile.id), profile, [])
    StoredProfile.objects.filter(pk=profile.id).update(user_id=user_id)
    return UUID(profile.id)


def test_a_new_list_leads_to_its_upload_and_says_what_became_of_the_rows() -> None:
    client = sign_in("marketer", name="tom")
    answer = client.post(f"{AUDIENCES}new/?from=list", {"name": "Our team", "live": "on"})
    assert answer["Location"] == f"{AUDIENCES}team/upload/" or answer["Location"] == f"{AUDIENCES}our-team/upload/"
    Segment.objects.update(slug="team")
    page = send(client, "user_id\n1\n2\nnull\n1\n")
    assert "From team.csv: 3 rows with an id, 2 people are new" in page and "1 row was left out; see why below." in page
    part = read(client, "team/uploads/")
    assert "3 rows with an id, 2 new people, 1 named twice, 1 left out" in part
    assert "this says that there is no id" in part and "n•••" in part and "refused.csv" not in part
    (entry,) = AuditEntry.objects.filter(act="uploaded")
    assert (entry.actor, entry.subject) == ("tom", "team")
    assert entry.after == {"file": "team.csv", "people": 2, "refused": 1, "replaces": False}


def test_bad_files_are_refused_with_the_reason(team: Segment) -> None:
    client = sign_in("marketer")
    assert "save it as CSV in UTF-8" in send(client, b"PK\x03\x04....", 422)
    page = send(client, "user_id\nnull\n", 422)
    assert "nothing was changed" in page and "Rows that were left out" in page
    assert "this says that there is no id" in page
    assert "There is no column “badge”" in send(client, "a,b\n1,2\n", 422, column="badge")
    assert not Upload.objects.exists() and not AuditEntry.objects.exists()


def test_a_script_is_told_where_to_go_on(team: Segment) -> None:
    file = SimpleUploadedFile("team.csv", b"1\n")
    answer = sign_in("marketer").post(f"{AUDIENCES}team/upload/", {"file": file}, headers={"X-Upload": "1"})
    assert (answer.status_code, answer["X-Location"]) == (204, f"{AUDIENCES}team/#uploads")


def test_rows_left_out_are_downloaded_by_those_who_see_personal_data(team: Segment) -> None:
    send(sign_in("marketer"), "user_id\n1\nnull\n=1\x01\n")
    address = f"{AUDIENCES}team/uploads/{Upload.objects.get().pk}/refused.csv"
    assert sign_in("marketer").get(address).status_code == 403
    lines = sign_in("marketer", personal=True).get(address).content.decode().splitlines()
    assert lines[:2] == ["line,said,left_out_because", "3,null,this says that there is no id"]
    assert lines[2].startswith("4,'=1")


def test_the_newest_upload_is_undone_and_so_is_the_undoing(team: Segment) -> None:
    client = sign_in("marketer", name="tom")
    send(client, "1\n2\n")
    publish_book(by=None, at=timezone.now())
    end_builds()
    first = Upload.objects.get()
    send(client, "2\n3\n")
    assert list_ids() == {"u:1", "u:2", "u:3"}
    page = text_of(client.post(f"{AUDIENCES}team/uploads/{first.pk}/undo/", follow=True))
    assert "not the newest upload" in page and list_ids() == {"u:1", "u:2", "u:3"}
    page = text_of(client.post(f"{AUDIENCES}team/uploads/{Upload.objects.first().pk}/undo/", follow=True))  # type: ignore[union-attr]
    assert "team.csv is undone: the list has the people of before, 2 in all." in page
    assert list_ids() == {"u:1", "u:2"}
    assert Build.objects.exclude(state__in=Build.ENDED).count() >= 1  # the published list follows
    client.post(f"{AUDIENCES}team/uploads/{Upload.objects.first().pk}/undo/")  # type: ignore[union-attr]
    assert list_ids() == {"u:1", "u:2", "u:3"}
    assert AuditEntry.objects.filter(act="undone", actor="tom", subject="team").count() == 2


def test_undoing_an_upload_that_took_the_place_of_others_brings_them_back(team: Segment) -> None:
    client = sign_in("marketer")
    send(client, "1\n2\n")
    send(client, "9\n", how="replace")
    assert list_ids() == {"u:9"}
    client.post(f"{AUDIENCES}team/uploads/{Upload.objects.first().pk}/undo/")  # type: ignore[union-attr]
    assert list_ids() == {"u:1", "u:2"}
    Upload.objects.all().delete(), Member.objects.all().delete()
    send(client, "5\n")
    client.post(f"{AUDIENCES}team/uploads/{Upload.objects.first().pk}/undo/")  # type: ignore[union-attr]
    assert list_ids() == set()


def test_people_are_exported_by_those_who_may_and_the_trail_says_so() -> None:
    make()
    owner = sign_in("owner", name="ann")
    assert "not in force yet" in text_of(owner.post(f"{AUDIENCES}gold/export/", follow=True))
    publish()
    id = store("anna", "gold@1", user_id="anna@example.com")
    assert sign_in("marketer").post(f"{AUDIENCES}gold/export/").status_code == 403
    assert "audit trail" in read(owner, "gold/export/") and not AuditEntry.objects.filter(act="exported").exists()
    answer: Any = owner.post(f"{AUDIENCES}gold/export/")
    assert answer["Content-Disposition"].startswith('attachment; filename="gold-')
    assert f"{id},anna@example.com," in _drain(answer)
    assert AuditEntry.objects.get(act="exported").actor == "ann"


def _drain(answer: Any) -> str:
    async def read_all() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(read_all)().decode()


def test_a_snapshot_is_kept_and_compared_with_today() -> None:
    make()
    client = sign_in("marketer", name="tom")
    past = (timezone.localtime() - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    future = (timezone.localtime() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    page = text_of(client.post(f"{AUDIENCES}gold/freeze/", {"name": "Gold then", "as_of": future}), 422)
    assert "still to come" in page and 'value="Gold then"' in page
    page = text_of(client.post(f"{AUDIENCES}gold/freeze/", {"name": "Gold then", "as_of": past}, follow=True))
    assert "“Gold then” is saved as a draft" in page and "snapshot of" in page
    frozen = Segment.objects.get(slug="gold-then")
    assert (frozen.kind, frozen.condition) == ("snapshot", plan())
    assert AuditEntry.objects.filter(subject="gold-then", act="made", actor="tom").exists()
    assert "It has no people yet" in read(client, "gold-then/cohorts/")
    publish()
    store("a", "gold-then@1", "gold@1"), store("b", "gold-then@1"), store("c", "gold@1"), store("d", "gold-then@1")
    page = read(client, "gold-then/cohorts/")
    assert "3 people were in “Gold then” then." in page and "33.3 %" in page
    assert client.get(f"{AUDIENCES}gold/cohorts/").status_code == 404


def test_who_came_and_went_is_said_with_why_and_masked() -> None:
    make()
    id = store("anna", user_id="anna@example.com")
    row = {"at": timezone.now(), "message_id": "m1", "name": "Order Completed", "value": 20.0}
    _archive(id, row)
    at = timezone.now()
    record_changes(
        [
            ChangeRow(str(id), "gold", "entered", at, "event", "m1"),
            ChangeRow(str(id), "gold", "left", at + timedelta(seconds=1), "time", ""),
        ]
    )
    page = read(sign_in("marketer"), "gold/changes/")
    assert "a•••@e•••" in page and "anna@example.com" not in page
    assert "did “Order Completed”, worth 20.00" in page and "a window ended, or a moment came" in page
    assert "anna@example.com" in read(sign_in("owner"), "gold/changes/")
    assert sign_in("viewer").get(f"{AUDIENCES}gold/changes/").status_code == 403


def _archive(id: UUID, said: dict[str, Any]) -> None:
    Months().make({month_of(said["at"])})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_archivedevent (id, at, received, source, message_id, profile_id, type, name, value, "
            'properties, traits, context, entered, "left", position) '
            "VALUES (1, %(at)s, %(at)s, 's', %(message_id)s, %(id)s, 'track', %(name)s, %(value)s, "
            "'{}', '{}', '{}', '[]', '[]', 1)",
            {**said, "id": id},
        )


def test_the_preview_counts_masks_people_and_says_who_would_come_and_go() -> None:
    make()
    publish()
    store("anna", user_id="anna@example.com")
    store("ben", "gold@1")
    client = sign_in("marketer", personal=True)
    page = text_of(client.get(f"{AUDIENCES}gold/preview/", headers={"HX-Request": "true"}))
    assert "Once published, 0 enter and 1 leave." in page and "of 2 people" in page
    page = text_of(sign_in("marketer").get(f"{AUDIENCES}gold/preview/", headers={"HX-Request": "true"}))
    assert "Once published, fewer than 5 enter and fewer than 5 leave." in page


def test_a_day_of_sizes_is_drawn() -> None:
    make()
    publish()
    now = timezone.now()
    Build.objects.update(in_force=now - timedelta(days=3))
    for hours in range(6, -1, -1):
        store(f"person-{hours}", "gold@1")
        store_sizes(at=now - timedelta(hours=8 * hours))
    client = sign_in("viewer")
    assert 'aria-label="From 1 to 7 people"' in read(client, "")
    assert "From 1 to 7 people; at least 1, at most 7" in read(client, "gold/sizes/", days="30000")
