"""A merge is undone in a real Redis and a real PostgreSQL, and every engine says afterwards what would have been."""

import random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from msgspec.structs import replace

from ingestion.accepted import Merged
from ingestion.archiving import moment
from ingestion.steps import Definitions
from ingestion.undoing import Undoer, UndoPending, UndoRefused
from profiles import keys
from profiles.clients import Client
from profiles.event import Enrol, Event, Recall, derive_profile_id
from profiles.models import Identifier, MergeRecord, StoredProfile
from profiles.past import fold_past
from profiles.profile import Memory, pack
from profiles.queries import list_past_events
from segments.conditions.calendar import UTC_CALENDAR
from segments.conditions.parse import parse_condition
from segments.conditions.sql import compile_sql
from segments.conditions.sql_events import Question
from segments.evaluation import list_matches
from segments.membership import compile_segments
from segments.models import Member, SegmentChange, SegmentVersion
from tests.archive.living import LivingHarness, list_attributions
from tests.processing import lives
from tests.processing.harness import HOUR, Harness
from tests.processing.lives import (
    LINKS,
    PRELUDE,
    Act,
    Apart,
    draw_acts,
    is_contested,
    list_undoable,
    play,
    play_merging,
)
from tests.processing.parting import find_merges, undo
from tests.processing.test_identity import identify

pytestmark = pytest.mark.django_db

MEMORY = Memory(otherwise=("category",))
LAPTOP, PHONE, TABLET, DESK = (derive_profile_id(f"a:{name}") for name in ("laptop", "phone", "tablet", "desk"))
DEFINITIONS = Definitions(MEMORY, compile_segments(lives.SEGMENTS))


@pytest.fixture
def living(redis_client: Client) -> LivingHarness:
    return LivingHarness(redis_client, DEFINITIONS)


def begin(apart: Apart | None = None) -> Harness:
    harness = Harness(loses=(apart or Apart()).loses)
    harness.definitions = DEFINITIONS
    return harness


@pytest.mark.parametrize("seed", range(12))
def test_every_engine_says_what_would_have_been(living: LivingHarness, seed: int) -> None:
    """Two merges are undone, one after the other, with lives going on in between."""
    chance = random.Random(seed)
    told = begin()
    acts = [*PRELUDE, *draw_acts(chance, 4), chance.choice(LINKS), *draw_acts(chance, 16)]
    first = play_merging(told, acts, is_contested)
    play_and_archive(living, first, chance)
    one = chance.choice(list_undoable(told))
    undo(told, one)
    living.undoer().undo(find_record(one), by="anna")

    apart = Apart([one])
    never = begin(apart)
    play(never, first)
    apart.keep(never, one)
    expect_the_same(living, never)

    second = play_merging(told, [*LINKS, *draw_acts(chance, 12)], is_contested)
    play_and_archive(living, second, chance)
    # A merge may be somebody else's since the first was undone.
    known = [replace(merge, winner=find_record(merge).winner_id.hex) for merge in find_merges(told)]
    two = chance.choice([merge for merge in known if merge.winner in told.people()])
    living.undoer().undo(find_record(two), by="ben")

    if (one.loser, one.winner) == (two.loser, two.winner):
        return  # joined anew by an alias, and parted again: there is nothing to compare it with
    apart = Apart([one, two])
    never = begin(apart)
    play(never, first)
    apart.keep(never, one)
    play(never, second)
    apart.keep(never, two)
    expect_the_same(living, never)


def merge_phone(living: LivingHarness) -> MergeRecord:
    """Anna's laptop, and a phone that was taken for hers: two views of its own before, one since, one together."""
    living.send(identify(living, "laptop", "anna"), viewed(living, "phone"), viewed(living, "phone"))
    living.run()
    living.send(identify(living, "phone", "anna"))
    living.run()
    living.send(viewed(living, "phone"), viewed(living, "laptop"))
    living.work()
    return MergeRecord.objects.get()


def viewed(living: LivingHarness, device: str) -> Event:
    return living.event(anonymous_id=device, properties={"category": "Outdoor"})


def views(living: LivingHarness, id: str) -> int:
    return living.people()[id].events["Product Viewed"].count


def test_the_archive_gives_back_what_was_done_since(living: LivingHarness) -> None:
    plan = living.undoer().undo(merge_phone(living), by="anna")
    assert plan.parted.events == 1
    assert (views(living, PHONE), views(living, LAPTOP)) == (3, 1)
    assert list_attributions() == {
        "m1": LAPTOP,
        "m2": PHONE,
        "m3": PHONE,
        "m4": LAPTOP,
        "m5": PHONE,
        "m6": LAPTOP,
    }
    record = MergeRecord.objects.get()
    assert (record.undone_by, record.undone) == ("anna", moment(living.now))
    assert [event.name for event in list_past_events(UUID(LAPTOP), limit=9)].count("Product Viewed") == 1
    assert fold_past(UUID(PHONE), living.now, MEMORY).events["Product Viewed"].count == 3
    assert {(row.segment, row.what, row.cause) for row in SegmentChange.objects.filter(profile_id=LAPTOP)} >= {
        ("keen", "left", "undo")
    }


def test_looking_first_changes_nothing(living: LivingHarness) -> None:
    merge = merge_phone(living)
    people, links = living.people(), living.links()
    parted = living.undoer().plan(merge).parted
    living.work()
    assert (living.people(), living.links()) == (people, links)
    assert (parted.loser.events["Product Viewed"].count, parted.winner.events["Product Viewed"].count) == (3, 1)


def test_it_is_undone_once(living: LivingHarness) -> None:
    living.undoer().undo(merge_phone(living), by="anna")
    people = living.people()
    with pytest.raises(UndoRefused, match=r"was undone by anna on 15 Jan 2027 at 08:00 UTC"):
        living.undoer().undo(MergeRecord.objects.get(), by="ben")
    living.work()
    assert living.people() == people
    assert MergeRecord.objects.get().undone_by == "anna"


def test_what_the_processor_did_a_moment_ago_is_not_asked_again(living: LivingHarness) -> None:
    merge = merge_phone(living)
    with pytest.raises(UndoPending, match="the archive follows"):
        living.undoer(wait=living.run).undo(merge, by="anna")
    with pytest.raises(UndoRefused, match="a moment ago"):
        living.undoer().undo(merge, by="anna")
    living.work()
    assert MergeRecord.objects.get().undone is not None


def test_a_processor_that_is_away_does_it_later(living: LivingHarness) -> None:
    with pytest.raises(UndoPending, match="as soon as a processor is running again"):
        living.undoer(wait=lambda: None).undo(merge_phone(living), by="anna")
    assert views(living, LAPTOP) == 4
    living.work()
    assert (views(living, PHONE), views(living, LAPTOP)) == (3, 1)
    assert MergeRecord.objects.get().undone is not None


def test_an_archiver_that_is_behind_is_waited_for(living: LivingHarness) -> None:
    merge = merge_phone(living)
    living.send(viewed(living, "phone"), viewed(living, "laptop"))
    living.run()
    living.undoer().undo(merge, by="anna")
    assert (views(living, PHONE), views(living, LAPTOP)) == (4, 2)


def test_what_happens_in_between_is_neither_lost_nor_overwritten(living: LivingHarness) -> None:
    """Between reading and writing, and three times in a row."""
    merge = merge_phone(living)
    waiting = [viewed(living, "laptop"), viewed(living, "phone"), viewed(living, "laptop")]

    class BusyLog:
        def append(self, records: Any) -> None:
            if waiting:
                living.send(waiting.pop())
                living.work()
            living.log.append(records)

    undoer = Undoer(
        store=living.store,
        log=BusyLog(),  # type: ignore[arg-type]  # nobody reads it
        definitions=lambda: living.definitions,
        clock=lambda: living.now,
        wait=lambda seconds: living.work(),
        partitions=living.partitions,
    )
    undoer.undo(merge, by="anna")
    assert not waiting
    assert (views(living, PHONE), views(living, LAPTOP)) == (4, 3)


def test_an_archive_that_does_not_add_up_changes_nothing(living: LivingHarness) -> None:
    merge = merge_phone(living)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM profiles_archivedevent WHERE message_id = 'm5'")
    with pytest.raises(UndoRefused, match="counts 4 × “Product Viewed”, the archive 3"):
        living.undoer().undo(merge, by="anna")
    living.work()
    assert views(living, LAPTOP) == 4


def test_a_winner_that_was_taken_over_is_to_be_let_go_first(living: LivingHarness) -> None:
    merge = merge_phone(living)
    living.send(identify(living, "desk", "ben"))
    living.run()
    living.send(living.event("Aliased", type="alias", user_id="ben", previous_id="anna"))
    living.work()
    later = MergeRecord.objects.exclude(pk=merge.pk).get()
    with pytest.raises(UndoRefused, match=f"undo merge {later.pk} first"):
        living.undoer().undo(merge, by="anna")
    living.undoer().undo(later, by="anna")
    living.undoer().undo(merge, by="anna")
    assert (views(living, PHONE), views(living, LAPTOP)) == (3, 1)


def test_an_earlier_merge_that_was_undone_is_not_undone_again_by_a_later_one(living: LivingHarness) -> None:
    """What was kept before the tablet joined had the phone in it."""
    phone = merge_phone(living)
    living.send(viewed(living, "tablet"))
    living.run()
    living.send(identify(living, "tablet", "anna"))
    living.run()
    living.send(viewed(living, "tablet"), viewed(living, "phone"), viewed(living, "laptop"))
    living.work()
    living.undoer().undo(phone, by="anna")
    living.now += HOUR
    living.send(viewed(living, "laptop"), viewed(living, "phone"))
    living.work()
    living.undoer().undo(MergeRecord.objects.get(undone=None), by="anna")
    assert (views(living, TABLET), views(living, PHONE), views(living, LAPTOP)) == (2, 5, 3)


def test_merges_of_one_moment_are_told_apart(living: LivingHarness) -> None:
    """Both devices were asked to retire before either had."""
    living.send(identify(living, "laptop", "anna"), viewed(living, "phone"), viewed(living, "tablet"))
    living.run()
    living.send(identify(living, "phone", "anna"), identify(living, "tablet", "anna"))
    living.work()
    first, second = MergeRecord.objects.order_by("pk")
    assert first.after == second.after
    living.undoer().undo(first, by="anna")
    assert views(living, first.loser_id.hex) == views(living, LAPTOP) == 1
    living.undoer().undo(second, by="anna")
    assert views(living, second.loser_id.hex) == 1
    assert living.people()[LAPTOP].events.keys() == {"Identified"}


def test_a_person_who_was_part_of_another_one_for_a_time(living: LivingHarness) -> None:
    """The phone joined Anna while she was taken for Ben; first she is let go, then the phone by her."""
    living.send(identify(living, "laptop", "anna"), identify(living, "desk", "ben"), viewed(living, "phone"))
    living.run()
    living.send(living.event("Aliased", type="alias", user_id="ben", previous_id="anna"))
    living.run()
    living.send(viewed(living, "laptop"), identify(living, "phone", "anna"))
    living.run()
    living.send(viewed(living, "phone"), viewed(living, "laptop"), viewed(living, "desk"))
    living.work()
    joined, phone = MergeRecord.objects.order_by("pk")
    assert (joined.winner_id, phone.winner_id) == (UUID(DESK), UUID(DESK))
    living.undoer().undo(joined, by="anna")
    assert (views(living, DESK), views(living, LAPTOP)) == (1, 4)
    phone.refresh_from_db()
    assert phone.winner_id == UUID(LAPTOP)
    living.undoer().undo(phone, by="anna")
    assert (views(living, PHONE), views(living, LAPTOP), views(living, DESK)) == (2, 2, 1)


def test_lists_keep_whom_they_name(living: LivingHarness) -> None:
    """Both were put into lists while they were one: the phone by its id, Anna by hers, the third names both."""
    now = moment(living.now)
    lists = {"phones@1": ["a:phone"], "annas@1": ["u:anna"], "all@2": ["a:phone", "u:anna"]}
    segments = compile_segments(lives.SEGMENTS, enrolled=lists)
    living.definitions = Definitions(MEMORY, segments)
    merge = merge_phone(living)
    living.now += HOUR
    for key, identifiers in lists.items():
        slug, _, number = key.partition("@")
        version = SegmentVersion.objects.create(segment=slug, version=int(number), kind="list", made=now)
        for identifier in identifiers:
            id = derive_profile_id(identifier)
            Member.objects.create(version=version, profile_id=id, identifier=identifier)
            living.append(id, Enrol(build=1, key=key, people=((identifier, id),)))
    living.work()
    assert lists.keys() <= living.people()[LAPTOP].segments.keys()
    living.undoer().undo(merge, by="anna")
    entered = {id: {key for key in living.people()[id].segments if key in lists} for id in (PHONE, LAPTOP)}
    assert entered == {PHONE: {"phones@1", "all@2"}, LAPTOP: {"annas@1", "all@2"}}
    assert living.people()[PHONE].segments["phones@1"] == living.now


def test_what_models_said_last_stays_with_the_winner(living: LivingHarness) -> None:
    merge = merge_phone(living)
    scored = replace(living.people()[LAPTOP], scores={"churn": 0.5}, cluster="keen")
    living.client.set(keys.profile(LAPTOP), pack(scored))
    living.undoer().undo(merge, by="anna")
    laptop, phone = living.people()[LAPTOP], living.people()[PHONE]
    assert (laptop.scores, laptop.cluster) == ({"churn": 0.5}, "keen")
    assert (phone.scores, phone.cluster) == ({}, None)


def test_a_segment_that_was_defined_anew_is_entered_when_its_former_version_was(living: LivingHarness) -> None:
    gold = {"gold@1": lives.SEGMENTS["gold"]}
    living.definitions = Definitions(MEMORY, compile_segments(gold, names={"gold@1": "gold"}))
    living.send(living.event("Identified", type="identify", anonymous_id="phone", traits={"plan": "gold"}))
    living.run()
    entered = living.now
    living.pass_time(living.now + HOUR)
    merge = merge_phone(living)
    anew = {"gold@2": lives.condition(kind="trait", trait="plan", op="in", value=["gold", "silver"])}
    living.definitions = Definitions(MEMORY, compile_segments(anew, names={"gold@2": "gold"}))
    living.pass_time(living.now + HOUR)
    living.undoer().undo(merge, by="anna")
    assert living.people()[PHONE].segments == {"gold@2": entered}
    assert living.people()[LAPTOP].segments == {}


def test_a_property_that_came_to_be_remembered_since_stays_remembered(living: LivingHarness) -> None:
    merge = merge_phone(living)
    living.append(
        PHONE, Recall(build=1, profile=PHONE, name="Product Viewed", moments=((living.now, 0.0, {"colour": "red"}),))
    )
    living.work()
    living.undoer().undo(merge, by="anna")
    remembered = living.people()[PHONE].events["Product Viewed"].recent
    assert [each.properties for each in remembered].count({"category": "Outdoor", "colour": "red"}) == 1


def play_and_archive(living: LivingHarness, acts: list[Act], chance: random.Random) -> None:
    for act in acts:
        play(living, [act])
        if chance.random() < 0.2:
            living.archive()
    living.archive()


def find_record(merge: Merged) -> MergeRecord:
    return MergeRecord.objects.get(loser_id=merge.loser, because=merge.because, undone=None)


def expect_the_same(living: LivingHarness, never: Harness) -> None:
    people = never.people()
    assert living.people() == people
    assert living.links() == never.links()
    assert {row.id.hex: row.segments for row in StoredProfile.objects.all()} == {
        id: profile.segments for id, profile in people.items()
    }
    assert {row.key: row.profile_id.hex for row in Identifier.objects.all()} == never.links()
    for slug in lives.SEGMENTS:
        assert ask_archive(slug, living.now) == {id for id, profile in people.items() if slug in profile.segments}, slug
    for id, profile in people.items():
        past = fold_past(UUID(id), max(living.now, profile.last_seen), MEMORY)
        assert (past.events, past.traits, past.consent) == (profile.events, profile.traits, profile.consent)


def ask_archive(slug: str, now: int) -> set[str]:
    definitions = {name: parse_condition(tree) for name, tree in lives.SEGMENTS.items()}
    answer = compile_sql(definitions[slug], Question(now, UTC_CALENDAR, MEMORY), definitions=definitions)
    return {id.hex for id in list_matches(answer, limit=100)}
