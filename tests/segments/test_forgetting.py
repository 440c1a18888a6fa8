"""Refused rows of uploads are a person's by what they say."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from profiles.event import derive_profile_id
from segments.forgetting import forget_members
from segments.models import Segment, SegmentVersion, Upload

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 17, tzinfo=UTC)
PHONE = derive_profile_id("a:phone")


@pytest.mark.parametrize(
    ("said", "is_theirs"),
    [
        ("anna@shop.example", True),
        ("anna@shop.example;Anna;Berlin", True),
        ('"anna@shop.example', True),
        (PHONE.upper(), True),
        (f"{UUID(PHONE)};x", True),
        ("x " * 36 + "anna@sho", True),
        ("hanna@shop.example;Hanna", False),
        ("anna@shop.example.org", False),
        ("anna", False),
    ],
)
def test_a_refused_row_is_told_by_any_of_its_cells(said: str, is_theirs: bool) -> None:
    version = SegmentVersion.objects.create(segment="list", version=1, kind="list", made=AT)
    segment = Segment.objects.create(slug="list", name="List", kind="list")
    told = [{"line": 1, "said": said, "why": "no"}]
    upload = Upload.objects.create(
        segment=segment, version=version, file="a", column="1", replaces=False, at=AT, problems=told
    )
    forget_members([PHONE], ["u:anna@shop.example"], until=AT)
    upload.refresh_from_db()
    assert upload.problems == ([] if is_theirs else told)
