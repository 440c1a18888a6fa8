"""What the organisation chooses in the Studio: by whom, checked, told, and obeyed without a restart."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from celery.beat import Scheduler
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.actions import publish_directory
from ingestion.directory import Directory
from ingestion.organising import BadOrganisation, OrganisationOvertaken, change_organisation
from ingestion.queries import newest_directory
from personalization import celery
from personalization.wiring import memory_of, read_memory
from profiles.models import AuditEntry
from profiles.models import Organisation as Stored
from profiles.organisation import hold_organisation, read_organisation
from profiles.profile import DAY_MS
from rules.actions import publish_book, roll_back
from rules.definitions import BookPayload
from rules.models import Block, Book, Rule, ScheduledPublication, Slot
from rules.queries import collect_definitions, list_draft_changes, list_warnings
from rules.scheduling import publish_due, schedule_publication
from tests.studio.people import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]
PAGE = "/studio/set-up/organisation/"
AT = datetime(2027, 5, 1, 12, tzinfo=UTC)


def read(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def save(client: Client, part: str, *, seen: Any = None, **said: Any) -> Any:
    seen = read_organisation().version if seen is None else seen
    return client.post(PAGE, {"part": part, "seen": seen, **said})


def choose(**changes: Any) -> None:
    """As somebody saves it."""
    assert change_organisation(changes, seen=read_organisation().version, by=None, at=timezone.now())


def make_rule(**more: Any) -> Rule:
    slot, _ = Slot.objects.get_or_create(slug="hero", defaults={"name": "Hero"})
    block, _ = Block.objects.get_or_create(slug="hello", defaults={"name": "Hello", "source": "<p>Hello</p>"})
    said = {"slug": "greet", "name": "Greet all", "slot": slot, "block": block, "live": True, **more}
    return Rule.objects.create(**said)


def test_the_environment_says_it_until_somebody_saves_it() -> None:
    first = read_organisation()
    assert (first.version, first.zone, first.retention_days) == (0, settings.PZ_TIME_ZONE, settings.PZ_RETENTION_DAYS)
    owner = sign_in("owner")
    assert "Nothing was saved above yet" in read(owner)
    answer = save(owner, "time", zone="Europe/Vienna")
    assert (answer.status_code, answer.url) == (302, f"{PAGE}#time")
    now = read_organisation()
    assert (now.version, now.zone, now.purposes) == (1, "Europe/Vienna", first.purposes)
    assert "Nothing was saved above yet" not in read(owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        Stored.objects.create(id=2, zone="UTC", retention_days=180, changes_days=1, decisions_days=1, version=1)


@pytest.mark.parametrize("role", ["viewer", "marketer", "publisher", "analyst", "developer", "owner"])
def test_developers_and_owners_change_it_and_others_look(role: str) -> None:
    client = sign_in(role)
    may = role in ("developer", "owner")
    page = read(client)
    assert ('<form method="post" action="/studio/set-up/organisation/"' in page) is may
    assert "marketing" in page and "180" in page and "PZ_HISTORY_LIMIT" in page
    assert save(client, "time", zone="Asia/Tokyo").status_code == (302 if may else 403)
    assert read_organisation().zone == ("Asia/Tokyo" if may else settings.PZ_TIME_ZONE)


@pytest.mark.parametrize(
    ("part", "said", "shown", "why"),
    [
        ("time", {"zone": "Mars/Base"}, "", "There is no time zone “Mars/Base”; one is Europe/Vienna."),
        ("consent", {"purposes": "email\nE mail"}, "email\nE mail", "“E mail”: write letters, digits, hyphens"),
        ("consent", {"purposes": "email\nads\nads"}, "email\nads\nads", "“ads” is named twice."),
        ("consent", {"purposes": "x" * 41}, "x" * 41, "is longer than 40 letters."),
        ("consent", {"purposes": "\n".join(f"p{each}" for each in range(51))}, "p50", "At most 50 purposes."),
        (
            "retention",
            {"retention_days": "179", "changes_days": "77", "decisions_days": "401"},
            'value="77"',
            "Give a number of days from 180 to 3650.",
        ),
        (
            "retention",
            {"retention_days": "181", "changes_days": "0", "decisions_days": "99999999999"},
            'value="99999999999"',
            "Give a number of days from 1 to 3650.",
        ),
        (
            "retention",
            {"retention_days": "many", "changes_days": "1", "decisions_days": "1"},
            'value="many"',
            "Enter a whole number.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_and_kept(part: str, said: dict[str, Any], shown: str, why: str) -> None:
    answer = save(sign_in("owner"), part, **said)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert why in page and shown in page
    assert not Stored.objects.exists() and not AuditEntry.objects.filter(kind="organisation").exists()


def test_of_two_people_the_second_is_told_and_may_have_it_their_way() -> None:
    ann, ben = sign_in("owner", name="ann"), sign_in("developer", name="ben")
    assert save(ann, "time", zone="Europe/Berlin", seen=0).status_code == 302
    answer = save(ben, "time", zone="Asia/Tokyo", seen=0)
    page = answer.content.decode()
    assert answer.status_code == 422 and read_organisation().zone == "Europe/Berlin"
    assert "ann has saved this page since you opened it. It says now: Time zone: Europe/Berlin." in page
    assert '<option value="Asia/Tokyo" selected>' in page and 'name="seen" value="1"' in page
    assert save(ben, "time", zone="Asia/Tokyo", seen=1).status_code == 302
    with pytest.raises(OrganisationOvertaken):
        change_organisation({"zone": "UTC"}, seen=1, by=None, at=AT)
    assert read_organisation().zone == "Asia/Tokyo"
    assert save(ben, "time", zone="UTC", seen="").status_code == 422  # who does not say what they saw has seen nothing


def test_the_trail_says_who_changed_what() -> None:
    owner = sign_in("owner", name="ann")
    save(owner, "consent", purposes="email\r\nads\r\n")
    entry = AuditEntry.objects.get(kind="organisation")
    before, after = {"purposes": list(settings.PZ_CONSENT_PURPOSES)}, {"purposes": ["email", "ads"]}
    assert (entry.act, entry.by, entry.before, entry.after) == (
        "changed",
        User.objects.get(username="ann"),
        before,
        after,
    )
    assert PAGE in read(owner, f"/studio/audit/{entry.pk}/")
    assert (
        "There was nothing to save"
        in owner.post(PAGE, {"part": "consent", "seen": 1, "purposes": "email\nads"}, follow=True).content.decode()
    )
    assert AuditEntry.objects.filter(kind="organisation").count() == 1


def test_pages_go_by_its_clocks_at_once() -> None:
    owner = sign_in("owner")
    ScheduledPublication.objects.create(at=datetime(2027, 1, 5, 23, 30, tzinfo=UTC), payload={}, base=None, created=AT)
    assert "5 Jan 2027, 23:30" in read(owner, "/studio/publish/scheduled/")
    save(owner, "time", zone="Asia/Tokyo")
    assert "6 Jan 2027, 08:30" in read(owner, "/studio/publish/scheduled/")
    make_rule()
    assert "By the clocks of Asia/Tokyo" in read(owner, "/studio/publish/")
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    assert "Times are those of Asia/Tokyo" in read(root, "/admin/segments/segment/add/")
    assert timezone.get_current_timezone_name() == settings.TIME_ZONE  # afterwards as before


def test_the_book_follows_with_a_publication_that_changes_nothing_else() -> None:
    owner = sign_in("owner")
    make_rule(starts=datetime(2027, 8, 1, tzinfo=UTC))
    publish_book(by=None, at=AT)
    save(owner, "time", zone="Europe/Vienna")
    assert "still goes by the clocks of UTC" in read(owner)
    (change,) = list_draft_changes()[1]  # the rule's moments are what they were
    assert (change.name, change.what, change.fields) == ("Time zone", "changed", ("from UTC to Europe/Vienna",))
    page = read(owner, "/studio/publish/")
    assert "1 change" in page and "Time zone" in page and "Europe/Vienna" in page and PAGE in page
    assert owner.post("/studio/publish/now/", {"note": "Moved"}).status_code == 302
    newest = Book.objects.order_by("-number")[0]
    assert (newest.number, newest.payload["zone"]) == (2, "Europe/Vienna")
    assert "still goes by" not in read(owner)
    assert "Time zone" in read(owner, "/studio/publish/books/2/")
    assert "Time zone" in read(owner, "/studio/publish/books/1/roll-back/")
    roll_back(to=Book.objects.get(number=1), by=None, at=AT)
    assert "still goes by the clocks of UTC" in read(owner)


def test_it_is_published_later_and_beside_what_others_publish() -> None:
    make_rule()
    publish_book(by=None, at=AT)
    choose(zone="Europe/Vienna")
    schedule_publication(at=datetime(2027, 6, 1, tzinfo=UTC), by=None, now=AT)
    assert publish_due(at=datetime(2027, 6, 2, tzinfo=UTC))[0].book is not None
    assert Book.objects.order_by("-number")[0].payload["zone"] == "Europe/Vienna"
    choose(zone="Asia/Tokyo")
    schedule_publication(at=datetime(2027, 7, 1, tzinfo=UTC), by=None, now=AT)
    choose(zone="Europe/Berlin")
    publish_book(by=None, at=AT)
    (failed,) = publish_due(at=datetime(2027, 7, 2, tzinfo=UTC))
    assert "they differ in zone" in failed.error
    assert Book.objects.order_by("-number")[0].payload["zone"] == "Europe/Berlin"


def test_processors_learn_of_retention_by_the_directory() -> None:
    publish_directory()
    assert read_memory().retention_ms == settings.PZ_RETENTION_DAYS * DAY_MS
    save(sign_in("developer"), "retention", retention_days="365", changes_days="30", decisions_days="90")
    newest = newest_directory()
    assert newest is not None
    directory = msgspec.convert({**newest[1], "number": newest[0]}, Directory)
    assert directory.retention_days == 365
    with CaptureQueriesContext(connection) as asked:
        assert memory_of(directory).retention_ms == 365 * DAY_MS
    assert len(asked) == 0
    now = read_organisation()
    assert (now.changes_days, now.decisions_days) == (30, 90)


def test_a_purpose_that_rules_ask_for_does_not_vanish_silently() -> None:
    owner = sign_in("owner")
    make_rule(purpose="marketing")
    publish_book(by=None, at=AT)
    page = read(owner)
    assert "Greet all" in page and "No rule asks for it" in page
    answer = save(owner, "consent", purposes="email")
    page = answer.content.decode()
    assert answer.status_code == 422 and not Stored.objects.exists()
    assert (
        "Rules ask for what you take out" in page and "/studio/content/rules/greet/" in page and 'name="sure"' in page
    )
    Rule.objects.update(live=False)  # it is in the Book in force all the same
    assert save(owner, "consent", purposes="email").status_code == 422
    assert save(owner, "consent", purposes="email", sure="on").status_code == 302
    assert read_organisation().purposes == ("email",)
    assert "not among them" in read(owner)
    Rule.objects.update(live=True)
    warnings = list_warnings(msgspec.convert(collect_definitions(0), BookPayload))
    assert any("is not among the purposes of the organisation" in each for each in warnings)


def test_rules_offer_its_purposes() -> None:
    choose(purposes=("newsletter",))
    make_rule()
    page = read(sign_in("marketer"), "/studio/content/rules/greet/")
    assert '<option value="newsletter">' in page and '<option value="analytics">' not in page


def test_it_is_read_once_for_a_request_and_once_for_each_other_question() -> None:
    with CaptureQueriesContext(connection) as asked:
        read_organisation()
        read_organisation()
    assert len(asked) == 2
    with CaptureQueriesContext(connection) as asked, hold_organisation(), hold_organisation():
        read_organisation()
        read_organisation()
    assert len(asked) == 1
    make_rule(starts=AT)
    client = sign_in("owner")
    for path in (PAGE, "/studio/content/rules/greet/", "/studio/publish/"):
        with CaptureQueriesContext(connection) as asked:
            read(client, path)
        assert len([each for each in asked if "profiles_organisation" in each["sql"]]) == 1, path


def test_only_what_changes_is_checked() -> None:
    settings_say = {"zone": "UTC", "purposes": ("two words",)}
    with pytest.raises(BadOrganisation):
        change_organisation(settings_say, seen=0, by=None, at=AT)
    assert not change_organisation({"zone": settings.PZ_TIME_ZONE}, seen=0, by=None, at=AT)


def test_beat_goes_by_the_zone_that_was_saved_when_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    application = celery.application
    monkeypatch.setattr(application.conf, "timezone", "UTC")
    scheduler = Scheduler(application)
    nightly: Any = scheduler.schedule["forget-old-decisions"].schedule
    assert str(nightly.tz) == "UTC"
    choose(zone="Asia/Tokyo")
    celery.set_clocks(sender=SimpleNamespace(scheduler=scheduler))
    assert (str(application.timezone), str(nightly.tz)) == ("Asia/Tokyo", "Asia/Tokyo")
    application.__dict__.pop("timezone")
