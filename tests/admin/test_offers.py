"""Offers in the admin: what is left, bringing codes in, withdrawing them; what people were granted, their points."""

import io
import logging
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from profiles.event import derive_profile_id
from rules.models import Block, Book, Grant, Offer, OfferCode, PointsEntry, Rule, Slot
from rules.points import add_points
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db

OFFERS = "/admin/rules/offer/"
AT = datetime(2026, 6, 17, 12, tzinfo=UTC)


@pytest.fixture
def summer() -> Offer:
    return Offer.objects.create(slug="summer", name="Summer sale")


def address(offer: Offer, page: str) -> str:
    return f"{OFFERS}{offer.pk}/{page}/"


def upload(client: Client, offer: Offer, content: bytes, **form: str) -> str:
    file = io.BytesIO(content)
    file.name = "codes.csv"
    return client.post(address(offer, "upload"), {"file": file, **form}, follow=True).content.decode()


def grant(profile_id: UUID, code: str, offer: str = "summer") -> Grant:
    return Grant.objects.create(offer=offer, profile_id=profile_id, code=code, decision_id=UUID(int=9), at=AT)


def test_the_list_says_what_each_offer_has_left(summer: Offer) -> None:
    OfferCode.objects.bulk_create([OfferCode(offer=summer, code=f"c{number}") for number in range(1_234)])
    OfferCode.objects.filter(code__in=["c1", "c2", "c3"]).update(handed=AT)
    OfferCode.objects.filter(code="c1").update(granted=AT)
    grant(UUID(int=1), "c1")
    page = sign_in_owner().get(OFFERS).content.decode()
    assert "1,233" in page
    assert '<td class="field-pool">2</td>' in page
    assert '<a href="/admin/rules/grant/?offer=summer">1</a>' in page


def test_a_longer_list_of_offers_takes_no_more_queries(summer: Offer) -> None:
    client = sign_in_owner()
    counts = []
    for more in (0, 20):
        Offer.objects.bulk_create([Offer(slug=f"o{number}", name="Offer") for number in range(more)])
        with CaptureQueriesContext(connection) as queries:
            client.get(OFFERS)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_an_offer_of_points_needs_points_and_others_have_none() -> None:
    client = sign_in_owner()
    form = {"name": "Thanks", "slug": "thanks", "kind": "points", "points": "0", "every": "week"}
    assert "points" in client.post(f"{OFFERS}add/", form).content.decode()
    assert not Offer.objects.exists()
    client.post(f"{OFFERS}add/", {**form, "points": "50"})
    assert Offer.objects.get().points == 50


def test_codes_come_in_from_a_file_and_what_was_left_out_is_said(summer: Offer) -> None:
    page = upload(sign_in_owner(), summer, b"code\nA1\nB2\nA1\n" + b"z" * 70 + b"\n")
    assert "2 codes came in, 1 line has a code that is not new, 1 line was left out." in page
    assert "the code stands in a line before this one as well" in page
    assert "longer than 64 characters" in page
    assert set(summer.codes.values_list("code", flat=True)) == {"A1", "B2"}


def test_a_file_without_faults_leads_back_to_the_offer(summer: Offer) -> None:
    page = upload(sign_in_owner(), summer, b"A1\nB2\n")
    assert "2 codes came in." in page
    assert "Generate codes" in page
    assert LogEntry.objects.get().change_message == "Uploaded 2 codes."


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\x00\x01\x02\x03", "This is no text"), (b"a,b\n", "Which column has the codes?"), (b"", "empty")],
)
def test_a_file_that_cannot_be_meant_is_explained(summer: Offer, content: bytes, said: str) -> None:
    assert said in upload(sign_in_owner(), summer, content)
    assert not summer.codes.exists()


def test_hostile_lines_are_shown_as_text(summer: Offer) -> None:
    attack = "<script>alert(1)</script>" + "x" * 60
    page = upload(sign_in_owner(), summer, f"A1\n{attack}\n".encode())
    assert escape("<script>alert(1)</script>") in page
    assert "<script>alert(1)" not in page


def test_a_file_that_is_too_large_is_refused_and_none_of_it_is_logged(
    summer: Offer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(settings, "PZ_MAX_LIST_BYTES", 100)
    assert "100 are taken" in upload(sign_in_owner(), summer, b"SECRET\n" * 50)
    assert "SECRET" not in caplog.text


def test_codes_are_generated(summer: Offer) -> None:
    client = sign_in_owner()
    form = {"count": "20", "beginning": "SUN-", "length": "8"}
    page = client.post(address(summer, "generate"), form, follow=True).content.decode()
    assert "20 codes generated." in page
    assert all(code.startswith("SUN-") and len(code) == 12 for code in summer.codes.values_list("code", flat=True))
    assert summer.codes.count() == 20
    page = client.post(address(summer, "generate"), {**form, "count": "900000", "length": "6"}).content.decode()
    assert "could be guessed; make them longer" in page
    assert summer.codes.count() == 20


def test_codes_are_withdrawn_after_a_question(summer: Offer) -> None:
    client = sign_in_owner()
    upload(client, summer, b"A1\nB2\nC3\n")
    summer.codes.filter(code="A1").update(handed=AT, granted=AT)
    assert "2 codes that nobody was granted are removed" in client.get(address(summer, "withdraw")).content.decode()
    assert summer.codes.count() == 3
    assert "2 codes withdrawn." in client.post(address(summer, "withdraw"), follow=True).content.decode()
    assert list(summer.codes.values_list("code", flat=True)) == ["A1"]


@pytest.mark.parametrize("page", ["upload", "generate", "withdraw"])
def test_only_who_may_change_offers_of_codes_gets_there(summer: Offer, page: str) -> None:
    club = Offer.objects.create(slug="club", name="Club", kind="early_access")
    for client, status in ((sign_in("rules.view_offer"), 403), (sign_in("rules.change_offer"), 200)):
        assert client.get(address(summer, page)).status_code == status
    assert sign_in("rules.view_offer").post(address(summer, page)).status_code == 403
    assert Client().get(address(summer, page)).status_code == 302
    assert sign_in_owner().get(address(club, page)).status_code == 404
    assert f"{page}/" not in sign_in_owner().get(f"{OFFERS}{club.pk}/change/").content.decode()


def test_an_offer_that_people_may_be_granted_is_not_removed(summer: Offer) -> None:
    client = sign_in_owner()
    upload(client, summer, b"A1\nB2\n")
    slot, block = Slot.objects.create(slug="s", name="S"), Block.objects.create(slug="b", name="B", source="x")
    rule = Rule.objects.create(slug="r", name="Hero rule", slot=slot, block=block, offer=summer)
    Book.objects.create(number=1, payload={"offers": {"summer": {"kind": "code"}}}, published=AT)
    summer.codes.filter(code="A1").update(handed=AT)
    page = client.post(f"{OFFERS}{summer.pk}/delete/", {"post": "yes"}).content.decode()
    for said in ("the rule Hero rule", "the Book in force grants it", "some of its codes are in the pool"):
        assert said in page
    assert Offer.objects.filter(pk=summer.pk).exists()
    rule.delete()
    Book.objects.create(number=2, payload={"offers": {}}, published=AT)
    summer.codes.update(handed=None)
    client.post(f"{OFFERS}{summer.pk}/delete/", {"post": "yes"})
    assert not Offer.objects.exists()
    assert not OfferCode.objects.exists()


def test_grants_are_found_by_whoever_got_them(summer: Offer) -> None:
    ann = UUID(derive_profile_id("u:ann"))
    grant(ann, "ANN-1")
    grant(UUID(int=2), "BEN-1")
    grant(ann, "", "club")
    client = sign_in("rules.view_grant")
    for term, found in (("ann", {"ANN-1"}), (str(ann), {"ANN-1"}), ("u:ann", {"ANN-1"}), ("", {"ANN-1", "BEN-1"})):
        page = client.get("/admin/rules/grant/", {"q": term}).content.decode()
        assert {code for code in ("ANN-1", "BEN-1") if code in page} == found
    page = client.get("/admin/rules/grant/", {"offer": "club"}).content.decode()
    assert "ANN-1" not in page
    assert client.post("/admin/rules/grant/add/").status_code == 403


def test_a_persons_ledger_has_its_balance_and_is_never_edited() -> None:
    ann = UUID(derive_profile_id("u:ann"))
    entry = add_points(ann, 1_200, key="a", note="Welcome", at=AT)
    add_points(UUID(int=2), 7, key="b", note="Other", at=AT)
    client = sign_in_owner()
    page = client.get("/admin/rules/pointsentry/", {"q": "ann"}).content.decode()
    assert "Balance: 1,200 points" in page
    assert "Welcome" in page
    assert "Other" not in page
    assert "No points" in client.get("/admin/rules/pointsentry/", {"q": "nobody"}).content.decode()
    assert client.post(f"/admin/rules/pointsentry/{entry.pk}/change/", {"points": "1"}).status_code == 403
    assert PointsEntry.objects.get(pk=entry.pk).points == 1_200
