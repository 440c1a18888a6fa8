"""What years of use leave beside people and definitions, so that pages have what they have in life."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection

from ingestion.actions import create_source
from ingestion.models import DeadLetter, EventProperty, EventType, Outcome, Refusal
from profiles.audit import Act
from profiles.erasures import open_receipt
from profiles.models import AuditEntry, MergeRecord, StoredProfile
from rules.describe import KINDS, AnyDraft, describe_draft
from rules.models import BackTest, Book, Grant, Image, Offer, OfferCode, PointsEntry, Revision
from rules.queries import collect_definitions
from rules.scheduling import schedule_publication
from segments.models import Build, SegmentVersion
from studio.models import Member, Review

COLLEAGUES, REVISIONS, ACTS, EVENT_TYPES, PROPERTIES = 40, 5, 20_000, 200, 20
DECISIONS, CODES, SMALL = 100_000, 10_000, 60
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)

DECIDED = """
INSERT INTO rules_decision (id, at, profile_id, door, source, book, position, context, answers, facts)
SELECT md5('d' || number)::uuid, now() - random() * %(days)s * interval '1 day',
  CASE WHEN number <= 500 THEN %(regular)s::uuid ELSE md5('p' || 1 + floor(random() * %(people)s))::uuid END,
  'web', 'shop', %(book)s, 0, '{"page": {"path": "/p/1"}, "locale": "en-GB"}',
  jsonb_build_array(jsonb_build_object('slot', 'slot-' || 2 * (number %% 14), 'reason', 'rule_matched',
    'rule', 'rule-' || 2 * (number %% 100), 'block', 'block-' || 2 * (number %% 49), 'held', false,
    'segments', jsonb_build_array('segment-' || 2 * (number %% 75)),
    'suppressed', '[{"rule": "rule-198", "why": "cap_reached"}]'::jsonb)),
  '{"members": [], "counts": {}, "stock": {}, "granted": {}, "held": {}}'
FROM generate_series(1, %(decisions)s) AS number
"""
CAME_OF_IT = """
INSERT INTO rules_decisionoutcome (decision_id, kind, event, slot, rule, value, source, message_id, at)
SELECT id, kind, 'Block ' || kind, answers->0->>'slot', answers->0->>'rule', 0, 'shop', id || kind,
  at + interval '1 minute'
FROM rules_decision CROSS JOIN (VALUES ('impression', 2), ('click', 20)) AS what (kind, every)
WHERE ascii(right(id::text, 1)) %% every = 0
"""
SIZES = """
INSERT INTO segments_segmentsize (segment, version, hour, size)
SELECT segment, version, date_trunc('hour', now()) - hours * interval '1 hour', 4000 + hours %% 100
FROM segments_segmentversion CROSS JOIN generate_series(0, %(hours)s) AS hours
ON CONFLICT DO NOTHING
"""
CHANGES = """
INSERT INTO segments_segmentchange (profile_id, segment, what, at, cause, because)
SELECT md5('p' || 1 + number %% %(people)s)::uuid, 'segment-' || 2 * (number %% 75),
  (ARRAY['entered', 'left'])[1 + number %% 2], now() - number * interval '30 seconds', 'event', 'message-' || number
FROM generate_series(1, 100000) AS number
"""


def live_on(owner: User, regular: StoredProfile, now: datetime, *, people: int, days: int) -> None:
    colleagues = [_hire(number) for number in range(COLLEAGUES)]
    _edit(colleagues, now)
    _administer(colleagues, now)
    _decide(regular, now, people, days)
    _publish(owner, colleagues[1], now)
    _answer(now, days)
    _collect(now, days)


def _hire(number: int) -> User:
    user = User.objects.create_user(f"colleague-{number}")
    Member.objects.create(user=user, role=Member.Role.values[number % len(Member.Role)])
    return user


def _edit(colleagues: list[User], now: datetime) -> None:
    """Every definition was edited some times, and some were removed."""
    for kind, slug, said in _describe_all():
        Revision.objects.bulk_create(
            Revision(
                kind=kind,
                slug=slug,
                version=version,
                definition=None if said is None and version == REVISIONS else {**(said or {}), "name": f"v{version}"},
                by=colleagues[version],
                at=now - timedelta(days=REVISIONS - version, minutes=version),
            )
            for version in range(1, REVISIONS + 1)
        )
    for model in KINDS.values():
        model._default_manager.update(version=REVISIONS)


def _describe_all() -> Iterator[tuple[str, str, dict[str, object] | None]]:
    related = {"rule": ("slot", "block", "offer"), "slot": ("default",), "block": ("fallback",)}
    for kind, model in KINDS.items():
        drafts: list[AnyDraft] = list(model._default_manager.select_related(*related.get(kind, ())))
        for draft in drafts:
            yield kind, draft.slug, describe_draft(draft)
        for number in range(SMALL):
            yield kind, f"removed-{kind}-{number}", None


def _administer(colleagues: list[User], now: datetime) -> None:
    acts = list(Act)
    AuditEntry.objects.bulk_create(
        (
            AuditEntry(
                at=now - timedelta(minutes=number),
                act=acts[number % len(acts)],
                by=colleagues[number % COLLEAGUES],
                actor=f"colleague-{number % COLLEAGUES}",
                kind="rule",
                subject=f"rule-{number % 200}",
                name=f"Rule {number % 200}",
                before={"priority": number},
                after={"priority": number + 1},
            )
            for number in range(ACTS)
        ),
        batch_size=1_000,
    )
    for number in range(SMALL):
        Image.objects.create(
            name=f"Picture {number}", file=f"picture-{number}.png", width=1, height=1, size=len(PNG), at=now
        )
        create_source(slug=f"source-{number}", name=f"Source {number}")
        open_receipt(UUID(int=number), by="owner", at=now)


def _decide(regular: StoredProfile, now: datetime, people: int, days: int) -> None:
    book = Book.objects.values_list("number", flat=True).order_by("-number")[0]
    asked: dict[str, Any] = {
        "days": days,
        "people": people,
        "decisions": DECISIONS,
        "book": book,
        "regular": regular.id,
    }
    with connection.cursor() as cursor:
        cursor.execute(DECIDED, asked)
        cursor.execute(CAME_OF_IT, {})
    for number in range(SMALL):
        MergeRecord.objects.create(
            loser_id=UUID(int=number),
            winner_id=regular.id,
            state=regular.state,
            before=regular.state,
            because=f"message-{number}",
            at=now - timedelta(hours=number),
        )
        PointsEntry.objects.create(profile_id=regular.id, points=5, offer="offer-2", key=f"key-{number}", at=now)
    offer = Offer.objects.get(slug="offer-0")
    OfferCode.objects.bulk_create(OfferCode(offer=offer, code=f"CODE-{number}") for number in range(CODES))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, profile_id FROM rules_decision LIMIT %s", [CODES // 2])
        Grant.objects.bulk_create(
            (
                Grant(offer="offer-0", profile_id=person, code=f"CODE-{number}", decision_id=id, at=now)
                for number, (id, person) in enumerate(cursor.fetchall())
            ),
            ignore_conflicts=True,
        )


def _publish(owner: User, asker: User, now: datetime) -> None:
    payload = collect_definitions(0)
    for number in range(SMALL):
        Review.objects.create(
            asked_by=asker,
            at=now - timedelta(hours=number),
            payload=payload,
            fingerprint=str(number),
            state=Review.State.DECLINED if number else Review.State.WAITING,
        )
        BackTest.objects.create(
            payload=payload,
            since=now - timedelta(days=7),
            until=now,
            by=owner,
            created=now - timedelta(hours=number),
            state=BackTest.State.FAILED,
        )
    for number in range(5):
        schedule_publication(at=now + timedelta(days=1 + number), by=owner, now=now, note=f"Sale {number}")
    for number in range(SMALL):
        moment = now - timedelta(days=SMALL - number)
        build = Build.objects.create(
            roster=number, state=Build.State.DONE, queued=moment, started=moment, in_force=moment, finished=moment
        )
        build.versions.set(SegmentVersion.objects.all()[:5])


def _answer(now: datetime, days: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SIZES, {"hours": 24 * days})
        cursor.execute(CHANGES, {"people": 100_000})


def _collect(now: datetime, days: int) -> None:
    """What arrives, and what is refused or set aside of it."""
    for number in range(EVENT_TYPES):
        kind = EventType.objects.create(
            name=f"Event {number}", volume=number * 1_000, first_seen=now - timedelta(days=days), last_seen=now
        )
        EventProperty.objects.bulk_create(
            EventProperty(event_type=kind, path=f"property{each}", types=["string"], indexed=each < 3, last_seen=now)
            for each in range(PROPERTIES)
        )
    DeadLetter.objects.bulk_create(
        DeadLetter(partition=0, offset=f"{number}-0", raw=b'{"type": "track"}', reason="ValueError", tries=5, at=now)
        for number in range(1_000)
    )
    Refusal.objects.bulk_create(
        Refusal(source="shop", reason="invalid", message="the event has no name", sample="{}", at=now)
        for _ in range(5_000)
    )
    Outcome.objects.bulk_create(
        Outcome(day=(now - timedelta(days=day)).date(), source=f"source-{number}", outcome=what, count=1_000)
        for day in range(days)
        for number in range(SMALL)
        for what in ("applied", "invalid")
    )
