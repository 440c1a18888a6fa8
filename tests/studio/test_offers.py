"""Offers: what is left and for how long, codes in and out, who claimed what, and a ledger that books once."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from profiles.decided import Granted
from profiles.models import AuditEntry, StoredProfile
from rules.actions import publish_book
from rules.drafts import save_draft
from rules.granting import record_grants
from rules.ledger import read_balance
from rules.models import Block, Offer, OfferCode, PointsEntry, Rule, Slot
from studio.offers.watched import Stopped, WatchedFile, read_progress, stop
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
ANN = UUID(int=7)


def make_offer(slug: str = "sale", kind: str = "code", **more: Any) -> Offer:
    offer = Offer(slug=slug, name=slug.capitalize(), kind=kind, **more)
    save_draft(offer, by=None, at=AT)
    return offer


def make_ann() -> None:
    more = {"first_seen": AT, "last_seen": AT, "traits": {"firstName": "Annabel"}, "state": b"", "updated": AT}
    StoredProfile.objects.create(id=ANN, user_id="ann@example.com", **more)


def grant(offer: str, code: str = "", points: int = 0, profile: UUID = ANN) -> None:
    said: dict[str, Any] = {"offer": offer, "profile": profile.hex, "period": "", "code": code, "points": points}
    record_grants([Granted(**said, decision=uuid4().hex, at=int(time.time() * 1_000))])


def upload(client: Client, text: str, **more: str) -> Any:
    return client.post(
        "/studio/content/offers/sale/upload/", {"file": SimpleUploadedFile("c.csv", text.encode()), **more}
    )


def test_an_offer_is_made_and_changed_and_its_kind_stays() -> None:
    client = sign_in("marketer")
    said = {"name": "Thanks", "slug": "thanks", "kind": "points", "points": "", "every": "week"}
    refused = client.post("/studio/content/offers/new/", said)
    assert refused.status_code == 422 and "How many points" in refused.content.decode()
    assert client.post("/studio/content/offers/new/", {**said, "points": 100}).status_code == 302
    changed = {"name": "Thanks a lot", "points": 50, "every": "day", "kind": "code", "seen_version": 1}
    assert client.post("/studio/content/offers/thanks/", changed).status_code == 302
    offer = Offer.objects.get(slug="thanks")
    assert (offer.name, offer.kind, offer.points, offer.every, offer.version) == (
        "Thanks a lot",
        "points",
        50,
        "day",
        2,
    )
    late = client.post("/studio/content/offers/thanks/", {**changed, "name": "Mine"})
    assert late.status_code == 422 and "It was changed meanwhile" in late.content.decode()


def test_the_list_warns_of_what_runs_out_in_as_many_statements_however_long_it_is() -> None:
    client = sign_in("marketer")
    offer = make_offer("few")
    OfferCode.objects.create(offer=offer, code="A")
    make_offer("none")

    def look() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as asked:
            page = client.get("/studio/content/offers/").content.decode()
        return len(asked), page

    few, page = look()
    assert "tag-error" in page  # nothing is left of one
    for number in range(20):
        made = make_offer(f"more-{number}")
        OfferCode.objects.create(offer=made, code="A")
    many, _ = look()
    assert few == many


def test_codes_come_in_and_what_is_left_out_is_said() -> None:
    make_offer()
    client = sign_in("marketer")
    answer = upload(client, "code\nA-1\nA-2\nA-1\n" + "x" * 70 + "\n")
    page = answer.content.decode()
    assert "2 codes came in." in page and "1 line has a code that is not new." in page
    assert "the code stands in a line before this one as well" in page and "longer than 64" in page
    assert upload(client, "A-3\nA-4\n").status_code == 302
    assert OfferCode.objects.count() == 4
    acts = AuditEntry.objects.filter(kind="offer", act="uploaded")
    assert sorted(acts.values_list("note", flat=True)) == ["Uploaded 2 codes.", "Uploaded 2 codes."]
    assert "A-1" not in str(list(acts.values()))


def test_a_file_that_cannot_be_meant_changes_nothing() -> None:
    make_offer()
    client = sign_in("marketer")
    refused = upload(client, "a,b\n1,2\n")
    assert refused.status_code == 422 and "Which column has the codes" in refused.content.decode()
    refused = upload(client, "code\n" + "x" * 70 + "\n")
    assert refused.status_code == 422 and "longer than 64" in refused.content.decode()
    assert not OfferCode.objects.exists()


def test_a_script_is_told_where_to_go_on() -> None:
    make_offer()
    file = SimpleUploadedFile("c.csv", b"A-1\n")
    answer = sign_in("marketer").post(
        "/studio/content/offers/sale/upload/", {"file": file}, headers={"X-Upload": "yes"}
    )
    assert (answer.status_code, answer["X-Location"]) == (204, "/studio/content/offers/sale/")


def test_how_far_a_file_is_read_can_be_seen_and_stopped(redis_client: Any) -> None:
    file: Any = SimpleUploadedFile("c.csv", b"x" * 2_000_000)
    watched = WatchedFile(file, "1:sale")
    watched.read(1_000_000)
    assert read_progress("1:sale") == 50
    stop("1:sale")
    with pytest.raises(Stopped):
        watched.read(1_000_000)
    watched.forget()
    assert read_progress("1:sale") is None


def test_codes_are_made_and_withdrawn() -> None:
    make_offer()
    client = sign_in("marketer")
    where = "/studio/content/offers/sale/"
    weak = client.post(f"{where}generate/", {"count": 1_000_000, "beginning": "S-", "length": 6})
    assert weak.status_code == 422 and "could be guessed" in weak.content.decode()
    assert client.post(f"{where}generate/", {"count": 50, "beginning": "S-", "length": 10}).status_code == 302
    assert OfferCode.objects.filter(code__startswith="S-").count() == 50
    grant("sale", OfferCode.objects.order_by("pk")[0].code)
    page = client.get(where).content.decode()
    assert ">49<" in page and "1 codes stay" not in page
    assert client.get(f"{where}withdraw/").status_code == 200
    client.post(f"{where}withdraw/")
    assert OfferCode.objects.count() == 1
    assert AuditEntry.objects.get(kind="offer", act="removed").note == "Withdrew 49 codes."
    assert "No code is left" in client.get(where).content.decode()


def test_who_claimed_it_is_masked_unless_granted() -> None:
    make_ann()
    make_offer()
    grant("sale", "SECRET-1")
    page = sign_in("analyst").get("/studio/content/offers/sale/claimed/").content.decode()
    assert "A•••" in page and "S•••" in page and "Annabel" not in page and "SECRET-1" not in page
    page = sign_in("analyst", personal=True).get("/studio/content/offers/sale/claimed/").content.decode()
    assert "Annabel" in page and "SECRET-1" in page and "/studio/decisions/" in page
    assert sign_in("viewer").get("/studio/content/offers/sale/claimed/").status_code == 403


def test_an_offer_that_is_granted_stays() -> None:
    offer = make_offer()
    block = Block.objects.create(slug="b", name="B", source="<p>Hi</p>")
    slot = Slot.objects.create(slug="s", name="S")
    rule = Rule.objects.create(slug="gold", name="Gold", slot=slot, block=block, offer=offer)
    client = sign_in("marketer")
    remove = "/studio/content/offers/sale/remove/"
    assert "it is used by rule gold" in client.post(remove, follow=True).content.decode()
    publish_book(by=None, at=AT)
    rule.delete()
    assert "the Book in force grants it" in client.post(remove, follow=True).content.decode()
    publish_book(by=None, at=AT)
    out = OfferCode.objects.create(offer=offer, code="A", handed=timezone.now())
    assert "withdraw them first" in client.post(remove, follow=True).content.decode()
    out.delete()
    assert client.post(remove).status_code == 302
    assert not Offer.objects.exists()
    assert "Removed" in client.get("/studio/content/offers/sale/history/").content.decode()


def test_points_are_booked_once_and_never_below_nothing() -> None:
    make_ann()
    client = sign_in("marketer", name="mia")
    where = f"/studio/content/points/{ANN}/"
    key = client.get(where).context["form"]["key"].value()
    said = {"act": "add", "points": 100, "note": "Wrote a review", "key": key}
    assert client.post(where, said).status_code == 302
    assert client.post(where, said).status_code == 302
    assert read_balance(ANN) == 100 and PointsEntry.objects.count() == 1
    entry = AuditEntry.objects.get(kind="points")
    assert (entry.actor, entry.subject, entry.name) == ("mia", ANN.hex, "+100 points")
    assert "review" not in str(entry.__dict__)
    spend = {**said, "act": "spend", "points": 101, "key": f"studio:{uuid4().hex}"}
    refused = client.post(where, spend)
    assert refused.status_code == 422 and "There are 100 points" in refused.content.decode()
    assert "Wrote a review" in refused.content.decode()
    assert client.post(where, {**spend, "points": 30}).status_code == 302
    assert read_balance(ANN) == 70


def test_an_analyst_reads_the_ledger_and_books_nothing() -> None:
    make_ann()
    client = sign_in("analyst")
    where = f"/studio/content/points/{ANN}/"
    assert ">Book<" not in client.get(where).content.decode()
    said = {"act": "add", "points": 1, "note": "x", "key": f"studio:{uuid4().hex}"}
    assert client.post(where, said).status_code == 403
    assert read_balance(ANN) == 0


def test_a_person_is_found_and_the_entries_of_everybody_name_nobody() -> None:
    make_ann()
    grant("thanks", points=50)
    client = sign_in("analyst")
    found = client.get("/studio/content/points/?who=ann@example.com")
    assert found.status_code == 302 and found["Location"].endswith(f"/{ANN}/")
    page = client.get("/studio/content/points/").content.decode()
    assert "A•••" in page and "Annabel" not in page and "+50" in page
    assert "Nobody is known" in client.get("/studio/content/points/?who=nobody").content.decode()
