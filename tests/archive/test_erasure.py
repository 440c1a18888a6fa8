"""A person is erased in a real Redis and a real PostgreSQL: no table and no key holds anything of them afterwards."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from msgspec.structs import replace

from ingestion.accepted import Applied, Dead
from ingestion.accepted import pack as pack_accepted
from ingestion.archiving import moment
from ingestion.log import LogUnavailable
from ingestion.models import DeadLetter, Refusal
from ingestion.parse_body import cut_sample
from ingestion.steps import Definitions
from ingestion.undoing import UndoRefused
from personalization.people import UnknownPerson, find_person, request_erasure
from profiles import keys
from profiles.audit import Act, record_act
from profiles.clients import Client
from profiles.decided import Decided, Granted, SlotAnswer
from profiles.erasures import list_receipts_of
from profiles.event import Enrol, Event, derive_profile_id, pack, partition_of
from profiles.glimpses import keep_glimpse
from profiles.models import ArchivedEvent, AuditEntry, Erasure, Identifier, MergeRecord, StoredProfile
from rules.models import Decision, DecisionOutcome, Grant, PointsEntry
from segments.membership import compile_segments
from segments.models import Member, Segment, SegmentChange, SegmentVersion, Upload
from tests.archive.living import LivingHarness
from tests.archive.scanning import find_in_redis, find_in_tables
from tests.processing import lives
from tests.processing.harness import MEMORY

pytestmark = pytest.mark.django_db

DEVICES = ("zq-phone", "zq-laptop", "zq-tablet")
PHONE, LAPTOP, TABLET = (derive_profile_id(f"a:{device}") for device in DEVICES)
ANNA, BEN = derive_profile_id("u:zq-anna@example.com"), derive_profile_id("a:desk")
USER = "zq-anna@example.com"
IDS = [PHONE, LAPTOP, TABLET, ANNA]
WORDS = ["zq-", *IDS, *(str(UUID(id)) for id in IDS)]
SECOND = 1_000


@pytest.fixture
def living(redis_client: Client) -> LivingHarness:
    segments = compile_segments(
        lives.SEGMENTS, names={slug: slug for slug in lives.SEGMENTS}, enrolled={"list@1": [f"u:{USER}"]}
    )
    return LivingHarness(redis_client, Definitions(MEMORY, segments), partitions=settings.PZ_PARTITIONS)


def did(living: LivingHarness, device: str | None, user: str | None = None, name: str = "Product Viewed") -> Event:
    owner = user or device or ""
    mark = "zq-" if "zq-" in owner else ""
    return living.event(
        name,
        anonymous_id=device,
        user_id=user,
        id=f"{mark}m{living.client.incr('numbers')}",
        type="identify" if name == "Identified" else "track",
        properties={"category": f"{mark}Outdoor", "note": f"{mark}secret"},
        traits={"plan": "gold", "city": f"{mark}Utrecht"} if name == "Identified" else {},
        context={
            "page": {"url": f"https://shop.example/{mark}"},
            "consent": {"categoryPreferences": {f"{mark}mail": True}},
        },
    )


def live(living: LivingHarness) -> None:
    """Anna on three devices that became one person, with everything that is kept of anybody; Ben beside her."""
    for device in (*DEVICES, "desk"):
        living.send(did(living, device), did(living, device))
    living.work()
    for device, user in (*((device, USER) for device in DEVICES), ("desk", "ben")):
        living.send(did(living, device, user, "Identified"))
        living.work()
    living.now += SECOND
    living.send(did(living, "zq-tablet"), did(living, "desk"), did(living, None, USER, "Order Completed"))
    living.work()


def owner(living: LivingHarness, user: str = USER) -> str:
    return living.links()[f"u:{user}"]


def accept(living: LivingHarness, profile: str, record: Any) -> None:
    """As the read path does it."""
    name = keys.accepted(partition_of(profile, living.partitions))
    living.client.xadd(name, {"r": pack_accepted(record)})


def decide(living: LivingHarness, profile: str, mark: str = "zq-") -> str:
    id = uuid4().hex
    decided = Decided(
        id=id,
        profile=profile,
        at=living.now,
        door="http",
        source="shop",
        book=1,
        position="",
        context={
            "page": {"url": f"https://shop.example/{mark}"},
            "consent": {"categoryPreferences": {f"{mark}mail": True}},
        },
        answers=(SlotAnswer("home", "rule", "banner", "summer"),),
    )
    accept(living, profile, decided)
    for offer, code, points in (("ten", f"CODE-{id}", 0), ("stars", "", 5)):
        accept(
            living,
            profile,
            Granted(profile=profile, offer=offer, period="", code=code, points=points, decision=id, at=living.now),
        )
    living.client.hset(keys.tally(profile), mapping={"s:summer:day:": "1", "g:ten:": f"{mark}code"})
    return id


def plant(living: LivingHarness) -> str:
    """Whatever may hold something of Anna besides what she did. Returns a code she was granted."""
    person, now = owner(living), moment(living.now)
    decision = decide(living, person)
    decide(living, BEN, "")
    living.send(replace_properties(did(living, "zq-phone", USER, "Block Clicked"), decisionId=str(UUID(decision))))
    living.work()
    version = SegmentVersion.objects.create(segment="list", version=1, kind="list", made=now)
    list_ = Segment.objects.create(slug="list", name="List", kind="list")
    Upload.objects.create(
        segment=list_,
        version=version,
        file="people.csv",
        column="1",
        replaces=False,
        at=now,
        problems=[
            {"line": 1, "said": USER, "why": "no"},
            {"line": 2, "said": "?", "why": "no"},
            {"line": 3, "said": f"{USER};zq-Anna", "why": "no"},
        ],
    )
    Member.objects.create(version=version, profile_id=ANNA, identifier=f"u:{USER}")
    Member.objects.create(version=version, profile_id=BEN, identifier="u:ben")
    living.append(person, Enrol(build=1, key="list@1", people=((f"u:{USER}", person),)))
    broken = did(living, "zq-tablet")
    for number, (log, raw) in enumerate(
        (
            ("events", pack(broken)),
            ("accepted", pack_accepted(Applied(profile=person, event=broken))),
            ("events", b"\xc1" + pack(broken)),
            ("events", pack(replace_properties(did(living, "desk"), word="ben"))),
        )
    ):
        DeadLetter.objects.create(log=log, partition=0, offset=f"{number}-0", raw=raw, reason="no", tries=3, at=now)
    accept(living, PHONE, Dead(partition=1, offset="9-0", raw=pack(broken), reason="failed", tries=3, at=living.now))
    for number, sample in enumerate(SAMPLES):
        living.client.xadd(keys.REFUSED, refusal(number, sample))
    for sample in SAMPLES:
        Refusal.objects.create(source="shop", reason="bad_field", message="no", sample=sample, at=now)
    operator = User.objects.create_user("olga")
    LogEntry.objects.create(
        user=operator,
        content_type=ContentType.objects.get_for_model(MergeRecord),
        object_id="1",
        object_repr=str(MergeRecord.objects.first()),
        action_flag=CHANGE,
    )
    for act, kind, subject, after in (
        (Act.VISITED, "person", str(UUID(person)), {"moment": None}),
        (Act.EXPORTED, "person", str(UUID(LAPTOP)), None),
        (Act.MADE, "points", person, None),
        (Act.UNDONE, "person", str(UUID(BEN)), {"merge": 1, "apart": str(UUID(PHONE))}),
        (Act.EXPORTED, "person", str(UUID(BEN)), None),
    ):
        record_act(act, by=operator, at=now, kind=kind, subject=subject, after=after)
    keep_glimpse(living.client, "zq-frame", "<p>zq-secret</p>", seconds=600)
    living.work()
    return Grant.objects.get(profile_id=person, offer="ten").code


SAMPLES = (
    json.dumps({"type": "track", "anonymousId": "zq-phone"}),
    ('{"type":"track","userId":"' + USER + '","properties":{"long":"').ljust(1_024, "x"),
    ('{"type":"track","properties":{"long":"'.ljust(1_000, "x") + '"},"userId":"zq-anna@example.com'[:-4])[:1_024],
    '{"type":"track","anonymousId":"desk"}',
    cut_sample(json.dumps({"properties": {"note": "zq-secret" + "x" * 2_000}, "userId": USER}).encode()).decode(),
)


def refusal(number: int, sample: str) -> Any:
    return {"source": "shop", "reason": "bad_field", "at": 0, "message": "no", "messageId": number, "sample": sample}


def replace_properties(event: Event, **properties: Any) -> Event:
    return replace(event, properties={**event.properties, **properties})


def ask(living: LivingHarness, profile: str) -> Erasure:
    receipt = request_erasure(UUID(profile), by="olga", at=moment(living.now))
    living.now += SECOND
    return receipt


def look(living: LivingHarness) -> list[str]:
    return [*find_in_tables(WORDS), *find_in_redis(living.client, WORDS)]


def test_nothing_of_a_person_is_left_anywhere(living: LivingHarness) -> None:
    live(living)
    code = plant(living)
    assert MergeRecord.objects.count() == 2
    assert {line.partition(":")[0] for line in look(living)} >= {
        "profiles_storedprofile",
        "profiles_identifier",
        "profiles_mergerecord",
        "rules_decision",
        "segments_member",
        "segments_upload",
        "ingestion_deadletter",
        "ingestion_refusal",
        "django_admin_log",
        "profiles_auditentry",
        "pz",
    }
    receipt = ask(living, owner(living))
    assert receipt.state == "requested"
    living.work()
    assert look(living) == []
    receipt.refresh_from_db()
    assert (receipt.state, receipt.by, receipt.pending) == ("done", "olga", [])
    assert receipt.counts["events"] == 12
    assert receipt.counts["merges"] == 2
    for name in (f"u:{USER}", *(f"a:{device}" for device in DEVICES), LAPTOP, str(UUID(TABLET))):
        assert list_receipts_of(name) == [receipt]
    assert list_receipts_of("a:desk") == []
    grant = Grant.objects.get(code=code)
    assert str(grant.profile_id) not in WORDS
    assert [(entry.act, entry.actor, entry.subject, entry.name) for entry in AuditEntry.objects.order_by("pk")] == [
        *((act, "olga", "erased", "erased") for act in ("visited", "exported", "made")),
        *((act, "olga", str(UUID(BEN)), str(UUID(BEN))) for act in ("undone", "exported")),
    ]


def test_others_are_as_they_were(living: LivingHarness) -> None:
    live(living)
    plant(living)
    ben = living.people()[BEN]
    stored = StoredProfile.objects.get(pk=UUID(BEN))
    events = ArchivedEvent.objects.filter(profile_id=BEN).count()
    changes = SegmentChange.objects.filter(profile_id=BEN).count()
    ask(living, owner(living))
    living.work()
    assert living.people() == {BEN: ben}
    assert StoredProfile.objects.get() == stored
    assert ArchivedEvent.objects.count() == events
    assert SegmentChange.objects.count() == changes
    assert (Decision.objects.get().profile_id, DecisionOutcome.objects.count()) == (UUID(BEN), 0)
    assert (Member.objects.get().identifier, Upload.objects.get().problems) == (
        "u:ben",
        [{"line": 2, "said": "?", "why": "no"}],
    )
    assert DeadLetter.objects.count() == 1
    assert set(Refusal.objects.values_list("sample", flat=True)) == {SAMPLES[3]}
    assert {row.profile_id for row in PointsEntry.objects.all()} == {UUID(BEN)}
    assert Grant.objects.filter(profile_id=BEN).count() == 2
    assert living.client.exists(keys.tally(BEN))


def test_whoever_comes_back_is_somebody_new_in_every_table(living: LivingHarness) -> None:
    """Also while the archiver is behind, and under the ids of former profiles."""
    live(living)
    ask(living, owner(living))
    living.run()
    living.now += SECOND
    living.send(did(living, "zq-laptop"), did(living, "zq-laptop"))
    living.run()
    living.send(did(living, "zq-laptop", USER, "Identified"), did(living, None, USER))
    living.run()
    decide(living, owner(living))
    living.work()
    (anna,) = [profile for profile in living.people().values() if profile.user_id == USER]
    assert {name: history.count for name, history in anna.events.items()} == {"Product Viewed": 3, "Identified": 1}
    assert ArchivedEvent.objects.exclude(profile_id=BEN).count() == 4
    assert StoredProfile.objects.get(user_id=USER).id == UUID(anna.id)
    assert {row.key: row.profile_id.hex for row in Identifier.objects.all()} == living.links()
    assert Decision.objects.get(profile_id=anna.id)
    assert SegmentChange.objects.filter(profile_id=anna.id).exists()
    assert Erasure.objects.get().state == "done"


def test_one_who_came_back_can_be_erased_again(living: LivingHarness) -> None:
    live(living)
    for _ in range(2):
        ask(living, owner(living))
        living.work()
        assert look(living) == []
        live(living)
    assert [receipt.state for receipt in Erasure.objects.all()] == ["done", "done"]


def test_a_merge_that_was_undone_leaves_nothing_with_the_other(living: LivingHarness) -> None:
    """Anna was part of Ben for a time, and while she was, the car came to him and he became part of Carl."""
    living.send(did(living, "zq-phone"), did(living, "desk", "ben", "Identified"), did(living, "car"))
    living.run()
    living.send(did(living, "zq-phone", "ben"))
    living.run()
    living.send(did(living, "car", "ben"), did(living, "den", "carl", "Identified"))
    living.run()
    living.send(living.event("Aliased", type="alias", user_id="carl", previous_id="ben"))
    living.work()
    into_carl = MergeRecord.objects.get(loser_id=BEN)
    living.undoer().undo(into_carl, by="olga")
    living.undoer().undo(MergeRecord.objects.get(loser_id=PHONE), by="olga")
    assert living.people().keys() >= {PHONE, BEN}
    ask(living, PHONE)
    living.work()
    # That he was seen with her phone is his own; what she did with it is not.
    words = ["zq-Outdoor", "zq-secret", "zq-mail", PHONE, str(UUID(PHONE))]
    assert [*find_in_tables(words), *find_in_redis(living.client, words)] == []
    assert "a:zq-phone" not in MergeRecord.objects.get(loser_id=BEN).keys
    assert PHONE not in living.people() and BEN in living.people()
    with pytest.raises(UndoRefused, match="cannot be read"):
        living.undoer().undo(MergeRecord.objects.get(loser_id=derive_profile_id("a:car")), by="olga")


def test_the_receipt_waits_until_every_stream_is_past_it(living: LivingHarness) -> None:
    live(living)
    ask(living, owner(living))
    living.run()
    assert Erasure.objects.get().state == "requested"
    assert find_in_tables(["zq-"])
    living.archive()
    assert Erasure.objects.get().state == "done"


def test_with_redis_away_nothing_is_asked_for(living: LivingHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    live(living)

    def refuse(*args: object, **options: object) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr("redis.client.Pipeline.execute", refuse)
    with pytest.raises(LogUnavailable):
        request_erasure(UUID(owner_in_map(living)), by="olga", at=timezone.now())
    assert not Erasure.objects.exists()


def owner_in_map(living: LivingHarness) -> str:
    return str(living.client.get(keys.identifier(f"u:{USER}")).decode())


def test_a_person_is_found_by_whatever_names_them(living: LivingHarness) -> None:
    live(living)
    person = UUID(owner(living))
    for term in (f"u:{USER}", *(f"a:{device}" for device in DEVICES), *(UUID(id).hex for id in IDS[:3])):
        assert find_person(term) == person
    for term in ("u:nobody", uuid4().hex, "anna"):
        with pytest.raises(UnknownPerson):
            find_person(term)
