"""People of a segment as a file: whole, a few at a time, harmless to spreadsheets, for those who may."""

import csv
import io
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils import timezone

from profiles.profile import Profile
from rules.actions import publish_book
from segments.exporting import COLUMNS, guard, stream_members
from segments.models import Segment
from segments.uploads import IdFile
from tests.admin.operators import condition, sign_in
from tests.rosters import end_builds
from tests.segments.archive import store_person

pytestmark = pytest.mark.django_db
SINCE = 1_767_225_600_123  # 2026-01-01T00:00:00.123Z


def store(number: int, user_id: str | None, *keys: str) -> str:
    id = UUID(int=number << 64)
    store_person(id, Profile(id=id.hex, user_id=user_id, segments=dict.fromkeys(keys, SINCE)), [])
    return str(id)


def export(key: str) -> list[list[str]]:
    async def read() -> str:
        return "".join([part async for part in stream_members(key)])

    return list(csv.reader(io.StringIO(async_to_sync(read)())))


def address(segment: Segment) -> str:
    return f"/admin/segments/segment/{segment.pk}/export/"


@pytest.fixture
def gold() -> Segment:
    segment = Segment.objects.create(slug="gold", name="Gold", condition=condition())
    publish_book(by=None, at=timezone.now())
    end_builds()
    return segment


def test_everybody_of_the_version_is_in_the_file_however_many_parts_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segments.exporting.AT_ONCE", 3)
    people = [store(number, f"u{number}", "gold@1") for number in range(1, 8)]
    store(9, "other", "gold@2", "goldfish@1")
    header, *rows = export("gold@1")
    assert header == [*COLUMNS]
    assert rows == [
        [id, f"u{number}", "2026-01-01T00:00:00.123Z"] for number, id in zip(range(1, 8), people, strict=True)
    ]
    assert export("none@1") == [[*COLUMNS]]


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(hostile: str) -> None:
    store(1, hostile, "gold@1")
    assert export("gold@1")[1][1] == f"'{hostile}"


def test_ordinary_cells_stay_as_they_are() -> None:
    store(1, 'a "b", c;\n=d', "gold@1")
    store(2, None, "gold@1")
    assert [row[1] for row in export("gold@1")[1:]] == ['a "b", c;\n=d', ""]
    assert guard("größer") == "größer"


def test_the_file_can_be_uploaded_as_a_list() -> None:
    people = [store(1, "=1", "gold@1"), store(2, None, "gold@1")]
    text = "".join(",".join(row) + "\r\n" for row in export("gold@1"))
    file = IdFile(io.BytesIO(text.encode()), most=10_000)
    assert [row.id for row in file] == people
    assert (file.ids, file.refused) == ("profile", 0)


def test_the_page_hands_out_a_file_and_notes_it(gold: Segment) -> None:
    id = store(1, "42", "gold@1")
    client = sign_in("segments.view_segment", "segments.export_segment")
    assert address(gold) in client.get(f"/admin/segments/segment/{gold.pk}/change/").content.decode()
    answer = client.get(address(gold))
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"].startswith('attachment; filename="gold-')
    assert "no-store" in answer["Cache-Control"]
    assert answer.streaming
    assert LogEntry.objects.get().get_change_message() == "Exported its people."
    assert export("gold@1")[1][0] == id


def test_what_is_not_in_force_has_nobody_to_hand_out() -> None:
    segment = Segment.objects.create(slug="gold", name="Gold", condition=condition())
    client = sign_in("segments.view_segment", "segments.export_segment")
    page = client.get(address(segment), follow=True).content.decode()
    assert "Gold is not in force yet, so that nobody is in it." in page
    assert not LogEntry.objects.exists()


def test_only_who_may_export_gets_people(gold: Segment) -> None:
    client = sign_in("segments.view_segment", "segments.change_segment", "profiles.view_storedprofile")
    assert address(gold) not in client.get(f"/admin/segments/segment/{gold.pk}/change/").content.decode()
    assert client.get(address(gold)).status_code == 403
    assert Client().get(address(gold)).status_code == 302
    assert sign_in("segments.export_segment").post(address(gold)).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_no_connection_waits_for_a_slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segments.exporting.AT_ONCE", 1)
    for number in range(1, 4):
        store(number, "u", "gold@1")
    connection.close()

    async def read_some() -> tuple[bool, str]:
        parts = stream_members("gold@1")
        read = [await anext(parts) for _ in range(3)]
        return await sync_to_async(lambda: connection.connection is None)(), read[-1]

    is_given_back, part = async_to_sync(read_some)()
    assert is_given_back
    assert part.startswith(str(UUID(int=2 << 64)))
