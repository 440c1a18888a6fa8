"""Lists in the admin: files are taken in or refused with the reason, and every row that was left out is said."""

import gzip
import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from rules.actions import publish_book
from segments.models import Build, Member, Segment, Upload
from tests.admin.operators import condition, sign_in, sign_in_owner
from tests.rosters import end_builds

pytestmark = pytest.mark.django_db
pack = partial(gzip.compress, mtime=0)  # alike in every process of the tests
SEGMENTS = "/admin/segments/segment/"


@pytest.fixture
def team() -> Segment:
    return Segment.objects.create(slug="team", name="Our team", kind="list")


def address(segment: Segment, page: str = "upload") -> str:
    return f"{SEGMENTS}{segment.pk}/{page}/"


def send(segment: Segment, content: bytes | str, client: Client | None = None, **fields: Any) -> str:
    """What the page says that answers a file, with redirects followed."""
    file = SimpleUploadedFile("team.csv", content.encode() if isinstance(content, str) else content)
    client = client or sign_in("segments.view_segment", "segments.change_segment")
    answer = client.post(address(segment), {"file": file, **fields}, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def publish() -> None:
    publish_book(by=None, at=timezone.now())
    end_builds()


def test_a_new_list_leads_to_where_its_people_are_uploaded() -> None:
    form = {"name": "Our team", "slug": "team", "kind": "list", "description": "", "live": "on", "condition": "{"}
    answer = sign_in_owner().post(f"{SEGMENTS}add/", form)
    segment = Segment.objects.get()
    assert answer["Location"] == address(segment)
    assert (segment.kind, segment.condition, segment.as_of) == ("list", None, None)
    page = sign_in_owner().get(address(segment, "change")).content.decode()
    assert "Nobody yet: upload a file with their ids." in page
    assert 'name="condition"' not in page
    assert "Preview" not in page


def test_the_people_of_a_file_and_what_became_of_its_rows(team: Segment) -> None:
    page = send(team, "user_id,name\n1,Anna\n2,Ben\nnull,Nobody\n1,Anna again\n,Empty\n")
    assert "From team.csv: 3 rows with an id, 2 people are new, 1 row is of somebody named before." in page
    assert "The list is a draft: it has people once it is published." in page
    assert "2 rows were left out; below is why." in page
    assert "<td>4</td><td style=" in page and "<code>null</code></td><td>this says that there is no id</td>" in page
    assert "Version 1: 2 people; answers once it is published." in page
    upload = Upload.objects.get()
    assert (upload.rows, upload.added, upload.duplicates, upload.refused) == (3, 2, 1, 2)
    assert (upload.column, upload.ids, str(upload.by)) == ("user_id", "user", "operator-0")
    assert LogEntry.objects.get().get_change_message() == "Uploaded team.csv: 2 people came in."
    assert set(Member.objects.values_list("identifier", flat=True)) == {"u:1", "u:2"}


def test_adding_to_a_published_list_says_that_people_are_put_in_now(team: Segment) -> None:
    send(team, "1\n")
    publish()
    page = send(team, "1\n2\n")
    assert "2 rows with an id, 1 person is new, 1 was in it before. They are being put in now." in page
    assert "Version 1: 2 people; in force (queued)." in page
    assert "Everybody is in it." in send(team, "2\n")
    assert Build.objects.exclude(upload=None).count() == 1


def test_replacing_a_published_list_says_that_it_answers_as_before_until_it_is_filled(team: Segment) -> None:
    send(team, "1\n2\n")
    publish()
    page = send(team, "2\n3\n4\n", how="replace")
    assert "From team.csv: 3 rows with an id, 3 people are new. The list is being filled, and answers as before" in page
    assert "Version 2: 3 people; being filled (queued)." in page
    end_builds()
    page = sign_in_owner().get(address(team, "change")).content.decode()
    assert "Version 2: 3 people; in force." in page
    assert "replaced" in page


def test_the_first_upload_is_not_asked_whether_it_replaces(team: Segment) -> None:
    client = sign_in_owner()
    assert 'name="how"' not in client.get(address(team)).content.decode()
    send(team, "1\n")
    assert 'name="how"' in client.get(address(team)).content.decode()


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (b"", {}, "The submitted file is empty."),
        (b"\n\n", {}, "The file is empty."),
        (b"user_id\n", {}, "The file has a header and no ids; nothing was changed."),
        (b"user_id\nnull\n\0\n", {}, "None of its rows has an id that can be meant; nothing was changed."),
        ("user_id\n1\n".encode("utf-16"), {}, "The file is in UTF-16 or UTF-32; save it as CSV in UTF-8"),
        (b"PK\x03\x04" + bytes(range(200)), {}, "This is an Excel workbook or a ZIP archive"),
        (bytes(range(256)) * 400, {}, "This is no text; save it as CSV"),
        (pack(b"1\n2\n" * 99)[:-9], {}, "The gzip file is damaged or cut off"),
        (pack(b"12\n" * 400_000), {}, "The file has more than 1,000,000 bytes, once unpacked"),
        (b"1\n" * 500_001, {}, "The file has 1,000,002 bytes, and 1,000,000 are taken"),
        (b"a,b\n1,2\n", {}, "Which column has the ids? The first line says: a, b."),
        (b"a,b\n1,2\n", {"column": "<b>"}, "There is no column “<b>”. The first line says: a, b."),
        (b"a,b\n1,2\n", {"column": "\0"}, "Null characters are not allowed."),
        (b"a,b\n1,2\n", {"column": "x" * 300}, "at most 255 characters"),
        (b"anonymous_id\n1\n", {"ids": "user"}, "has the column anonymous_id, and user ids were asked for"),
        (b"1\n", {"ids": "e-mail"}, "Select a valid choice."),
        (b"1\n", {"how": "remove"}, "Select a valid choice."),
        (b"x" * 900_000, {}, "Line 1 cannot be read: the line is too long to be a row."),
        (b'"1\n2\n3\n', {}, "Line 1 cannot be read: a quote is opened and never closed"),
        (b"profile_id\n" + b"f" * 32, {}, "None of its rows has an id that can be meant"),
    ],
)
def test_a_file_that_cannot_be_meant_changes_nothing_and_is_told_why(
    team: Segment, content: bytes, fields: dict[str, Any], said: str, settings: Any
) -> None:
    settings.PZ_MAX_LIST_BYTES = 1_000_000
    page = send(team, content, **fields)
    assert escape(said) in page
    assert "errorlist" in page
    assert not Upload.objects.exists()
    assert not Member.objects.exists()


def test_rows_of_a_file_without_any_good_one_are_listed(team: Segment) -> None:
    page = send(team, "user_id\nnull\n<script>alert(1)</script>\0\n")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert" not in page
    assert "the id has a NUL or another control character in it" in page


def test_a_form_without_a_file_is_refused(team: Segment) -> None:
    assert "This field is required." in sign_in_owner().post(address(team), {"column": "1"}).content.decode()


def test_a_million_ids_would_not_be_kept_in_memory_so_a_hundred_thousand_are_stored(team: Segment) -> None:
    page = send(team, pack(b"".join(b"customer-%d\r\n" % number for number in range(100_000))))
    assert "100,000 rows with an id, 100,000 people are new" in page
    assert Member.objects.count() == 100_000


def test_only_lists_take_files() -> None:
    segment = Segment.objects.create(slug="gold", name="Gold", condition=condition())
    assert "is no list" in send(segment, "1\n")
    assert not Upload.objects.exists()


def test_only_who_may_change_segments_uploads(team: Segment) -> None:
    viewer = sign_in("segments.view_segment")
    assert "Upload ids" not in viewer.get(address(team, "change")).content.decode()
    for method in (viewer.get, viewer.post):
        assert method(address(team)).status_code == 403
    assert Client().post(address(team)).status_code == 302
    assert sign_in_owner().get(f"{SEGMENTS}{team.pk + 1}/upload/").status_code == 404
    assert sign_in_owner().get(f"{SEGMENTS}{10**30}/upload/").status_code == 404
    assert sign_in_owner().put(address(team)).status_code == 405


def test_many_uploads_cost_no_more_queries(team: Segment, django_assert_max_num_queries: Any) -> None:
    client = sign_in_owner()
    for number in range(12):
        send(team, f"{number}\nnull\n", client)
    with django_assert_max_num_queries(30):
        client.get(address(team, "change"))


def command(*arguments: str) -> str:
    said = io.StringIO()
    call_command("upload_list", *arguments, stdout=said)
    return said.getvalue()


def test_a_file_from_the_command_line(team: Segment, tmp_path: Path) -> None:
    path = tmp_path / "team.csv"
    path.write_text("customer,visitor\n1,a\n2,b\nnull,\n")
    said = command("team", str(path), "--column", "visitor", "--ids", "anonymous")
    assert said.startswith("2 rows with an id, 2 people are new. The list is a draft")
    assert "1 row was left out:\n  line 4: the id is empty\n" in said
    path.write_text("3\n")
    assert "1 person is new" in command("team", str(path), "--replace")
    assert set(Member.objects.filter(version__version=2).values_list("identifier", flat=True)) == {"u:3"}


@pytest.mark.parametrize(
    ("slug", "file", "said"),
    [
        ("nobody", "team.csv", "there is no segment 'nobody'"),
        ("gold", "team.csv", "gold is no uploaded list"),
        ("team", "gone.csv", "No such file"),
        ("team", ".", "Is a directory"),
        ("team", "empty.csv", "The file is empty."),
        ("team", "bad.csv", "None of its rows has an id"),
    ],
)
def test_what_the_command_cannot_do_is_said(team: Segment, tmp_path: Path, slug: str, file: str, said: str) -> None:
    Segment.objects.create(slug="gold", name="Gold", condition=condition())
    for name, content in (("team.csv", "1\n"), ("empty.csv", ""), ("bad.csv", "null\n")):
        (tmp_path / name).write_text(content)
    with pytest.raises(CommandError, match=said):
        command(slug, str(tmp_path / file))
    assert not Upload.objects.exists()
