"""Discount codes come in by file and by chance, each once; bad lines are said; nobody's code is ever taken again."""

import gzip
import io
import logging
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from rules.codes import (
    GRANTED,
    KNOWN,
    TWICE,
    NobodyGetsOne,
    NoCodes,
    Uploaded,
    find_generating_fault,
    generate_codes,
    upload_codes,
    withdraw_codes,
)
from rules.models import Grant, Offer, OfferCode
from rules.stock import Stock, count_stock, find_exhausted
from segments.upload_lines import BadUpload

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)


@pytest.fixture
def summer() -> Offer:
    return Offer.objects.create(slug="summer", name="Summer sale")


def upload(offer: Offer, content: bytes, column: str = "", most: int = 50_000_000) -> Uploaded:
    return upload_codes(offer, io.BytesIO(content), column=column, most=most, by=None, at=AT)


def codes_of(offer: Offer) -> list[str]:
    return list(offer.codes.order_by("id").values_list("code", flat=True))


@pytest.mark.parametrize(
    "content",
    [
        b"A1\nB2\n",
        b"A1\r\nB2",
        b"\xef\xbb\xbfcode\nA1\n\nB2\n",
        b'"Discount Code"\n"A1"\n"B2"\n',
        b"campaign;code\nsummer;A1\nsummer; B2 \n",
        gzip.compress(b"A1\nB2\n", mtime=0),
    ],
)
def test_files_of_every_kind(summer: Offer, content: bytes) -> None:
    uploaded = upload(summer, content)
    assert (uploaded.rows, uploaded.added, uploaded.refused, uploaded.problems) == (2, 2, 0, [])
    assert codes_of(summer) == ["A1", "B2"]


def test_codes_keep_the_order_of_the_file(summer: Offer) -> None:
    upload(summer, b"Z\nM\nA\nM\nB\n")
    assert codes_of(summer) == ["Z", "M", "A", "B"]


def test_lines_that_bring_no_new_code_are_said_with_their_numbers(summer: Offer) -> None:
    upload(summer, b"OLD\n")
    Grant.objects.create(offer="summer", profile_id=UUID(int=1), code="GONE", decision_id=UUID(int=2), at=AT)
    uploaded = upload(summer, b"NEW\n" + b"x" * 65 + b"\nOLD\nNEW\na\x07b\nGONE\n" + b"y" * 64 + b"\n")
    assert (uploaded.rows, uploaded.added, uploaded.duplicates, uploaded.refused) == (5, 2, 3, 2)
    assert [(line, why) for line, _, why in uploaded.problems] == [
        (2, "the code is longer than 64 characters"),
        (3, KNOWN),
        (4, TWICE),
        (5, "the code has a character in it that cannot be seen"),
        (6, GRANTED),
    ]
    assert codes_of(summer) == ["OLD", "NEW", "y" * 64]


def test_the_first_hundred_problems_are_told_and_all_are_counted(summer: Offer) -> None:
    uploaded = upload(summer, b"A\n" * 500 + (b"z" * 65 + b"\n") * 500)
    assert (uploaded.added, uploaded.duplicates, uploaded.refused) == (1, 499, 500)
    assert [problem.line for problem in uploaded.problems] == list(range(2, 102))


def test_the_same_code_may_belong_to_two_offers(summer: Offer) -> None:
    winter = Offer.objects.create(slug="winter", name="Winter")
    assert upload(summer, b"A1").added == upload(winter, b"A1").added == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"\x07\n" + b"z" * 70, "None of its lines has a code"),
        (b"PK\x03\x04....", "an Excel workbook"),
        (b"a,b\nc,d\n", "Which column has the codes?"),
        (b"A1\n" * 400, "more than 1,000 bytes"),
    ],
)
def test_a_file_that_cannot_be_meant_changes_nothing(summer: Offer, content: bytes, said: str) -> None:
    with pytest.raises(BadUpload, match=re.escape(said)):
        upload(summer, content, most=1_000)
    assert codes_of(summer) == []


def test_bad_lines_are_told_also_when_there_are_no_others(summer: Offer) -> None:
    with pytest.raises(NobodyGetsOne) as caught:
        upload(summer, b"z" * 70)
    assert [problem.line for problem in caught.value.problems] == [1]


def test_a_file_never_appears_in_logs_or_in_the_history(summer: Offer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    operator = User.objects.create_user("olga")
    upload_codes(summer, io.BytesIO(b"SECRET-1\nSECRET-1\nSECRET-2" + b"2" * 70), most=1_000, by=operator, at=AT)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.action_time) == (operator, str(summer.pk), AT)
    assert entry.change_message == "Uploaded 1 codes."
    assert "SECRET" not in caplog.text + entry.change_message


def test_other_offers_have_no_codes() -> None:
    club = Offer.objects.create(slug="club", name="Club", kind=Offer.Kind.EARLY_ACCESS)
    for act in (lambda: upload(club, b"A1"), lambda: generate_codes(club, count=1, at=AT)):
        with pytest.raises(NoCodes, match="its kind is early access"):
            act()


def test_generated_codes_have_the_form_that_was_asked_and_cannot_be_misread(summer: Offer) -> None:
    assert generate_codes(summer, count=3_000, prefix="SUN-", length=9, at=AT) == 3_000
    codes = codes_of(summer)
    assert len(set(codes)) == 3_000
    assert all(re.fullmatch("SUN-[2-9A-HJKMNP-Z]{9}", code) for code in codes)
    assert len({code[4:] for code in codes} & {code[4:] for code in sorted(codes)}) == 3_000


def test_every_letter_comes_about_equally_often(summer: Offer) -> None:
    generate_codes(summer, count=10_000, length=10, at=AT)
    text = "".join(codes_of(summer))
    counts = [text.count(letter) for letter in set(text)]
    assert len(counts) == 31
    assert min(counts) / (100_000 / 31) > 0.85  # eight standard deviations
    assert max(counts) / (100_000 / 31) < 1.15


@pytest.mark.parametrize(
    ("count", "prefix", "length", "said"),
    [
        (0, "", 10, "1 to 1,000,000"),
        (1_000_001, "", 20, "1 to 1,000,000"),
        (1, "", 5, "At least 6 characters"),
        (1, "x" * 60, 10, "at most 64 in all"),
        (1, " x", 10, "no space at its ends"),
        (1, "\x07", 10, "can be seen"),
        (1_000, "", 6, "could be guessed"),
    ],
)
def test_codes_of_a_bad_form_are_refused(summer: Offer, count: int, prefix: str, length: int, said: str) -> None:
    with pytest.raises(NoCodes, match=said):
        generate_codes(summer, count=count, prefix=prefix, length=length, at=AT)
    assert codes_of(summer) == []


def test_more_codes_of_an_offer_are_easier_to_guess() -> None:
    assert find_generating_fault(800, "", 6) is None
    assert "could be guessed" in (find_generating_fault(800, "", 6, known=800) or "")


def test_many_codes_come_in_whole(summer: Offer) -> None:
    assert generate_codes(summer, count=100_000, length=12, at=AT) == 100_000
    assert count_stock([summer])["summer"] == Stock(100_000, 0, 0)


def test_withdrawing_leaves_what_was_granted(summer: Offer) -> None:
    upload(summer, b"A\nB\nC\nD\n")
    summer.codes.filter(code__in=["A", "B"]).update(handed=AT)
    summer.codes.filter(code="A").update(granted=AT)
    Grant.objects.create(offer="summer", profile_id=UUID(int=1), code="A", decision_id=UUID(int=2), at=AT)
    assert count_stock([summer])["summer"] == Stock(2, 1, 1)
    assert withdraw_codes(summer, at=AT) == 3
    assert count_stock([summer])["summer"] == Stock(0, 0, 1)
    assert codes_of(summer) == ["A", "B"]  # B may be on its way to somebody: its place is kept
    assert upload(summer, b"B\nC\n").added == 1
    assert withdraw_codes(summer, at=AT) == 1


def test_an_offer_is_exhausted_when_no_code_can_be_granted(summer: Offer) -> None:
    empty = Offer.objects.create(slug="empty", name="Empty")
    asked = ["summer", "empty", "unknown"]
    assert find_exhausted(asked) == {"summer", "empty", "unknown"}
    upload(summer, b"A\n")
    upload(empty, b"B\n")
    assert find_exhausted(asked) == {"unknown"}
    OfferCode.objects.update(handed=AT)
    assert find_exhausted(asked) == {"unknown"}
    summer.codes.update(granted=AT)
    empty.codes.update(withdrawn=AT)
    assert find_exhausted(asked) == {"summer", "empty", "unknown"}
