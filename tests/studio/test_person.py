"""One person's page: what they did, what was decided, why they are in an audience, and what one may do about it."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.undoing import Undoer
from personalization import privacy, wiring
from profiles.audit import Act
from profiles.models import AuditEntry, Erasure, MergeRecord, StoredProfile
from rules.models import Decision
from studio.people import merges
from studio.people.timeline import Asked, list_timeline, read_place
from tests.builds.conftest import Engine, engine
from tests.studio.people import make_user, sign_in
from tests.studio.seen import text_of
from tests.studio.somebody import LAPTOP, PHONE, decide_for, live_through

__all__ = ["engine"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """Whoever waits for processor and archiver lets them work."""

    def make_undoer() -> Undoer:
        return wiring.make_undoer(wait=lambda seconds: engine.run())

    for module in (privacy, merges):
        monkeypatch.setattr(module, "make_undoer", make_undoer)
    return live_through(engine)


def path(person: UUID, *more: object) -> str:
    return "/".join(["/studio/people", str(person), *map(str, more), ""])


def read(client: Client, address: str, asked: dict[str, str] | None = None, status: int = 200) -> str:
    """The text of a page or part, without its markup."""
    page = client.get(address, asked or {})
    assert page.status_code == status
    return text_of(page)


def test_the_page_tells_everything(anna: UUID) -> None:
    page = read(sign_in("owner"), path(anna))
    for said in ("Anna Smith", "Here now", "Utrecht", "Golden people", "Buyers", "TEN-1", "Welcome", "30", "marketing"):
        assert said in page
    for said in ("Order Completed", "Entered Golden people by what they did", "became part", "Decision by Book 1"):
        assert said in page
    assert (
        "Hero of the home page : “Hello block”, because the rule “Greet the golden” matched: the person is in" in page
    )
    assert "“letter” matched too, but: no consent to its purpose." in page


def test_a_former_profile_leads_to_the_person_and_an_unknown_one_nowhere(anna: UUID) -> None:
    client = sign_in("analyst")
    assert client.get(path(PHONE))["Location"] == path(anna)
    assert "Nobody is known by this id" in read(client, path(uuid4()), status=404)


def test_the_page_is_there_while_redis_is_away(anna: UUID, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    away = redis.Redis.from_url("redis://127.0.0.1:1/0")
    monkeypatch.setattr(wiring, "redis_client", lambda: away)
    assert "Anna Smith" in read(sign_in("owner"), path(anna))
    assert "Redis is away" in read(sign_in("owner"), path(anna, "slots"))


def test_longer_pasts_take_no_more_queries(anna: UUID, engine: Engine) -> None:
    client, counts = sign_in("owner"), []
    for more in (0, 25):
        engine.log_events(*["Product Viewed"] * more, people=["laptop"])
        engine.run()
        for _ in range(more):
            decide_for(anna, timezone.now())
        with CaptureQueriesContext(connection) as queries:
            client.get(path(anna))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 35


def test_the_timeline_tells_each_entry_once_however_many_share_a_moment(anna: UUID, engine: Engine) -> None:
    at = int(timezone.now().timestamp() * 1000) - 86_400_000
    engine.log_events(*["Old"] * 20, people=["laptop"], at=at)
    engine.run()
    for _ in range(9):
        decide_for(anna, datetime.fromtimestamp(at / 1000, UTC))
    for limit in (1, 4, 7):
        seen, before = list[str](), None
        while True:
            page = list_timeline(Asked((anna, PHONE), True, before=before, limit=limit))
            seen += [each.key for each in page.entries]
            if not page.after:
                break
            before = read_place(page.after)
            assert before is not None
        whole = [each.key for each in list_timeline(Asked((anna, PHONE), True, limit=200)).entries]
        assert seen == whole
        assert len(set(seen)) == len(seen) >= 36


def test_the_timeline_is_narrowed(anna: UUID) -> None:
    client = sign_in("owner")
    decisions = read(client, path(anna, "timeline"), {"kind": "decision"})
    assert "Decision by Book 1" in decisions and "Order Completed" not in decisions
    orders = read(client, path(anna, "timeline"), {"name": "Order Completed"})
    assert "Order Completed" in orders and "Decision" not in orders and "Identified" not in orders
    assert "Nothing of that kind" not in read(client, path(anna, "timeline"), {"kind": "nonsense", "before": "x~y~z"})


def test_news_are_what_came_since(anna: UUID, engine: Engine) -> None:
    client = sign_in("owner")
    said = re.search(r'hx-get="([^"]+/news/[^"]*)"', client.get(path(anna)).content.decode())
    assert said is not None
    address = said[1].replace("&amp;", "&")
    assert client.get(address).status_code == 204
    engine.send("Cart Viewed", people=["laptop"])
    news = read(client, address)
    assert "Cart Viewed" in news and "1 new entry" in news and "Order Completed" not in news


def test_an_event_is_told_whole_to_those_it_is_of(anna: UUID) -> None:
    client = sign_in("owner")
    details = re.findall(r'hx-get="([^"]+/events/[^"]+)"', client.get(path(anna)).content.decode())
    assert len(details) == 5
    told = read(client, details[0])
    assert "o1" in told and "messageId" in told
    assert client.get(details[0].replace(str(anna), str(uuid4()))).status_code == 404
    assert client.get(path(anna, "events", "yesterday", 1)).status_code == 404
    assert client.get(path(anna, "events", "20260101T000000-000000", 2**70)).status_code == 404


def test_an_audience_has_its_evidence(anna: UUID) -> None:
    client = sign_in("owner")
    golden = read(client, path(anna, "audiences", "golden"))
    assert "plan is “gold” (found: &quot;gold&quot;)" in golden and "✔" in golden and "✘" not in golden
    assert "does not answer" in read(client, path(anna, "audiences", "nothing"))
    others = path(anna, "audiences")
    assert read(client, others).strip() == ""
    assert "bought" in read(client, others, {"audience": "buyers"})


def test_an_audience_somebody_is_not_in_says_why(anna: UUID, engine: Engine) -> None:
    engine.send("Product Viewed", people=["stranger"])
    stranger = StoredProfile.objects.get(user_id=None).pk
    told = read(sign_in("analyst"), path(stranger, "audiences"), {"audience": "golden"})
    assert told.count("✘") == 3 and "not known" in told


def test_what_they_would_get_is_answered_and_nothing_is_recorded(anna: UUID) -> None:
    before = Decision.objects.count()
    client = sign_in("owner")
    told = read(client, path(anna, "slots"))
    assert "because the rule “Greet the golden” matched" in told and "Hello Anna" in told
    past = (timezone.now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert "no rule matched" in read(client, path(anna, "slots"), {"asked": "1", "at": past, "draft": "draft"})
    assert "still to come" in read(client, path(anna, "slots"), {"asked": "1", "at": "2999-01-01T00:00"}, 422)
    assert Decision.objects.count() == before and not AuditEntry.objects.exists()


def test_a_link_shows_the_site_as_the_person_and_is_noted(anna: UUID) -> None:
    client = sign_in("publisher", personal=True, name="olga")
    page = client.post(path(anna, "see"), {"page": "https://shop.example/sale?x=1", "at": "", "draft": "draft"})
    token = re.search(r"https://shop\.example/sale\?x=1&amp;pz_visit=([\w-]+)", page.content.decode())
    assert token is not None
    visit = wiring.make_visits().open(token[1])
    assert (visit.profile_id, visit.at, visit.draft, visit.by) == (anna.hex, None, True, "olga")
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.actor, entry.kind, entry.subject) == (Act.VISITED, "olga", "person", str(anna))


REFUSED = (
    ({"page": "javascript:alert(1)"}, "valid URL"),
    ({"page": "ftp://shop.example/"}, "address of a web page"),
    ({"page": "https://shop.example/", "at": "soon"}, "valid date"),
    ({"page": "https://shop.example/", "at": "2999-01-01T00:00"}, "still to come"),
    ({"page": ""}, "No site is known"),
)


def test_a_link_that_cannot_be_meant_is_refused_and_kept(anna: UUID) -> None:
    client = sign_in("owner")
    for fields, said in REFUSED:
        page = client.post(path(anna, "see"), fields)
        assert page.status_code == 422 and said in text_of(page) and "pz_visit=" not in page.content.decode()
        assert all(f'value="{value}"' in page.content.decode() for value in fields.values() if value)
    assert not AuditEntry.objects.exists()


def test_a_merge_is_undone_after_a_look_at_both(anna: UUID, engine: Engine) -> None:
    merge = MergeRecord.objects.get()
    client = sign_in("owner", name="olga")
    assert path(anna, "merges", merge.pk) in client.get(path(anna)).content.decode()
    plan = read(client, path(anna, "merges", merge.pk, "plan"))
    assert "1 event since then goes to the one that was taken over." in plan and "phone" in plan
    assert engine.profile("a:phone").id == LAPTOP.hex
    assert not AuditEntry.objects.exists()
    page = client.post(path(anna, "merges", merge.pk), follow=True)
    assert "The two are apart again" in text_of(page) and "by olga" in text_of(page)
    assert (engine.profile("a:phone").id, engine.profile("u:anna").id) == (PHONE.hex, LAPTOP.hex)
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.subject, entry.after["apart"]) == (Act.UNDONE, str(anna), str(PHONE))
    again = client.post(path(anna, "merges", merge.pk), follow=True)
    assert "This merge was undone by olga" in text_of(again) and AuditEntry.objects.count() == 1
    assert "two people again" in read(client, path(anna, "merges", merge.pk, "state"))
    assert "Undone merges" in read(client, path(anna))


def test_a_merge_is_undone_where_its_person_is(anna: UUID, engine: Engine) -> None:
    engine.send("Product Viewed", people=["stranger"])
    stranger = StoredProfile.objects.get(user_id=None).pk
    number = MergeRecord.objects.get().pk
    for address in (path(stranger, "merges", number), path(anna, "merges", number + 1), path(anna, "merges", 2**70)):
        assert sign_in("owner").post(address).status_code == 404
    assert MergeRecord.objects.get().undone is None


def test_everything_is_exported_as_a_file_and_noted(anna: UUID) -> None:
    client = sign_in("analyst", personal=True)
    assert "One file with everything" in read(client, path(anna, "export"))
    assert not AuditEntry.objects.exists()
    answer: Any = client.post(path(anna, "export"))

    async def collect() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    told = json.loads(async_to_sync(collect)())
    assert answer["Content-Disposition"] == f'attachment; filename="person-{anna}.json"'
    assert told["traits"]["city"]["value"] == "Utrecht" and len(told["decisions"]) == 1
    assert AuditEntry.objects.get().act == Act.EXPORTED


def test_whoever_erases_types_the_word_and_gets_a_receipt(anna: UUID, engine: Engine) -> None:
    client = sign_in("owner", name="olga")
    page = read(client, path(anna, "erase"))
    assert "1 profile that became part of this person" in page and "5 events" in page
    wrong = client.post(path(anna, "erase"), {"word": "delete"})
    assert (
        wrong.status_code == 422
        and "Nothing was erased" in text_of(wrong)
        and 'value="delete"' in wrong.content.decode()
    )
    assert not Erasure.objects.exists()
    answer = client.post(path(anna, "erase"), {"word": " ERASE "})
    receipt = Erasure.objects.get()
    assert answer["Location"] == f"/studio/people/erasures/{receipt.pk}/"
    waiting = client.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "data-refresh" in waiting and "<html" not in waiting
    engine.run()
    done = client.get(answer["Location"]).content.decode()
    assert "Done: nothing is known" in done and 'data-refresh="1"' not in done and "Events of the archive" in done
    assert str(anna) not in done and "anna" not in done.replace("olga", "")
    for known_as in (
        "",
        str(anna),
        anna.hex,
        "laptop",
        "a:laptop",
        "olga",
    ):  # by any id of theirs, or by who asked for it
        found = client.get("/studio/people/erasures/", {"q": known_as}).content.decode()
        assert str(receipt.pk) in found, known_as
    assert str(receipt.pk) not in client.get("/studio/people/erasures/?q=a:desk").content.decode()
    assert client.get(path(anna)).status_code == 404
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.kind, entry.subject) == (Act.ERASED, "erasure", str(receipt.pk))
    assert str(anna) not in json.dumps([entry.name, entry.before, entry.after, entry.note])


def test_who_was_not_granted_personal_data_may_look_and_no_more(anna: UUID) -> None:
    merge = f"merges/{MergeRecord.objects.get().pk}"
    for role in ("marketer", "publisher", "analyst"):
        client = sign_in(role)
        page = client.get(path(anna)).content.decode()
        for more in ("see", "export", "erase", merge):
            assert path(anna, more) not in page
            assert client.get(path(anna, more)).status_code == 403
            assert client.post(path(anna, more), {"word": "erase"}).status_code == 403
    assert not Erasure.objects.exists() and MergeRecord.objects.get().undone is None


def test_it_takes_a_form_of_our_own(anna: UUID) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("owner"))
    for more in ("see", "export", "erase", f"merges/{MergeRecord.objects.get().pk}"):
        assert client.post(path(anna, more), {"word": "erase"}).status_code == 403
