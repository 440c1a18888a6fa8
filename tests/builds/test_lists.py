"""People of an uploaded file are in a list, and everything that asks for it follows: adding, replacing, coming back."""

import asyncio
import io
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis.asyncio
from django.conf import settings
from django.utils import timezone

from personalization.decide import Decider
from personalization.recording import DecisionRecorder
from personalization.wiring import clock
from profiles.models import Identifier
from profiles.reader import ProfileReader
from rules.book import load_book
from rules.models import Block, Book, Rule, Slot
from segments.actions import cancel_build
from segments.lists import NobodyIn, store_upload
from segments.models import Build, Member, Segment, SegmentChange, SegmentVersion, Upload
from segments.queries import read_roster
from tests.builds.conftest import PARTITIONS, Engine, define, did, in_segment, publish

HOUR = 3_600_000
VIP = ("a:anna", "a:ben")


def team(**more: Any) -> Segment:
    return define("team", None, kind="list", **more)


def upload(*ids: str, column: str = "anonymous_id", replaces: bool = False) -> Upload:
    """These ids, as the file of an operator."""
    return store_upload(
        Segment.objects.get(slug="team"),
        io.BytesIO("\n".join([column, *ids]).encode()),
        name="team.csv",
        replaces=replaces,
        most=1_000_000,
        by=None,
        at=timezone.now(),
    )


def in_team(engine: Engine, *people: str) -> list[str]:
    return [person for person in people if "team" in engine.segments(person)]


def decide(engine: Engine, identifier: str, slot: str) -> str | None:
    """The rule that decides for somebody, as a web process answers."""
    book = load_book(msgspec.json.encode(Book.objects.get(number=Book.objects.count()).payload))

    async def ask() -> str | None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
        try:
            decider = Decider(
                reader=ProfileReader(client, partitions=PARTITIONS),
                recorder=DecisionRecorder(client, partitions=PARTITIONS),
                book=lambda: book,
                roster=lambda: roster,
                clock=clock,
                deadline=10,
            )
            return (await decider.decide(identifier, [slot], {})).slots[slot].rule
        finally:
            await client.aclose()

    roster = read_roster()
    return asyncio.run(ask())


def test_people_of_a_list_are_in_it_once_it_is_published_and_rules_show_them_their_block(engine: Engine) -> None:
    engine.send("Page Viewed", people=["anna", "cleo"])
    team()
    block = Block.objects.create(slug="hello", name="Hello", source="<p>Hello</p>")
    slot = Slot.objects.create(slug="hero", name="Hero")
    tree = {"v": 1, "root": in_segment("team")}
    Rule.objects.create(slug="greet", name="Greet", slot=slot, block=block, condition=tree)
    stored = upload("anna", "ben")
    assert (stored.added, stored.version.key, Build.objects.count()) == (2, "team@1", 0)
    publish()
    assert in_team(engine, *VIP) == []
    assert engine.build().state == Build.State.DONE
    assert in_team(engine, *VIP, "a:cleo") == [*VIP]  # ben was never seen
    assert engine.stored("a:ben").keys() == {"team@1"}
    assert [decide(engine, person, "hero") for person in (*VIP, "a:cleo")] == ["greet", "greet", None]


def test_an_upload_to_a_published_list_adds_people_at_once_and_nothing_else_is_built(engine: Engine) -> None:
    engine.send("Page Viewed", people=["anna", "ben", "cleo"])
    team()
    define("viewers", did("Page Viewed"))
    upload("anna")
    publish()
    engine.build()
    assert upload("anna").added == 0
    assert Build.objects.exclude(state__in=Build.ENDED).count() == 0
    added = upload("anna", "ben")
    [build] = Build.objects.exclude(state__in=Build.ENDED)
    assert (build.upload, [version.key for version in build.versions.all()]) == (added, ["team@1"])
    before = read_roster().number
    build = engine.build()
    assert (build.state, build.error, build.done) == (Build.State.DONE, "", 1)
    assert in_team(engine, *VIP, "a:cleo") == [*VIP]
    assert read_roster().number == before
    assert SegmentChange.objects.filter(segment="team", what="entered").count() == 2


def test_replacing_turns_for_everybody_at_one_moment_and_nobody_flickers_out(engine: Engine) -> None:
    everybody = tuple(f"a:{name}" for name in ("anna", "ben", "cleo"))
    engine.send("Page Viewed", people=["anna", "ben", "cleo"])
    team()
    define("friends", in_segment("team"))
    upload("anna", "ben")
    publish()
    first = engine.build()
    changed = upload("ben", "cleo", replaces=True)
    assert changed.version.key == "team@2"
    seen: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def look() -> None:
        team = tuple(in_team(engine, *everybody))
        seen.append((team, tuple(person for person in everybody if "friends" in engine.segments(person))))
        engine.run()

    engine.build(look)
    look()
    assert {team for team, _ in seen} == {("a:anna", "a:ben"), ("a:ben", "a:cleo")}
    assert all(team == friends for team, friends in seen)
    assert {key for person in everybody for key in engine.profile(person).segments} == {"team@2", "friends@2"}
    told = SegmentChange.objects.filter(segment="team").exclude(because=first.pk).values_list("what", "profile_id")
    assert sorted((what, id.hex) for what, id in told) == sorted(
        [("left", engine.profile("a:anna").id), ("entered", engine.profile("a:cleo").id)]
    )


def test_replacing_a_draft_puts_only_the_new_people_in(engine: Engine) -> None:
    team()
    upload("anna")
    upload("ben", replaces=True)
    publish()
    engine.build()
    assert in_team(engine, *VIP) == ["a:ben"]


def test_a_list_that_is_withdrawn_and_published_again_keeps_its_people(engine: Engine) -> None:
    engine.send("Page Viewed", people=["anna"])
    team()
    upload("anna", "ben")
    publish()
    engine.build()
    team(live=False)
    publish()
    assert in_team(engine, *VIP) == []
    engine.build()
    assert engine.profile("a:anna").segments == {}
    team(live=True)
    publish()
    engine.build()
    assert in_team(engine, *VIP) == [*VIP]


def test_a_list_that_comes_back_before_anybody_has_left_it_keeps_its_people(engine: Engine) -> None:
    engine.send("Page Viewed", people=["anna"])
    team()
    upload("anna", "ben")
    publish()
    engine.build()
    team(live=False)
    publish()
    team(live=True)
    publish()
    engine.build()
    assert in_team(engine, *VIP) == [*VIP]
    assert read_roster().retired == {}
    assert not SegmentChange.objects.filter(segment="team", what="left").exists()


def test_a_list_that_comes_back_while_it_is_being_left_keeps_its_people(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.builder.CHUNK", 2)
    people = tuple(f"a:{number}" for number in range(9))
    team()
    upload(*(person[2:] for person in people))
    publish()
    engine.build()
    team(live=False)
    leaving = publish()
    assert leaving is not None
    once = iter([True])

    def come_back() -> None:
        leaving.refresh_from_db()
        if leaving.state == Build.State.SETTLING and leaving.done and next(once, False):
            team(live=True)
            publish()
        engine.run()

    engine.build(come_back)
    engine.build()
    assert next(once, None) is None
    assert in_team(engine, *people) == [*people]
    assert read_roster().retired == {}


def test_an_upload_while_the_list_is_filled_is_not_missed(engine: Engine) -> None:
    engine.send("Page Viewed", people=["anna", "ben"])
    team()
    upload("anna")
    publish()
    once = iter([True])

    def add() -> None:
        if Build.objects.get(pk=first).state == Build.State.FILLING and next(once, False):
            upload("ben")
        engine.run()

    define("viewers", did("Page Viewed"))
    publish()
    first = Build.objects.order_by("-pk")[0].pk
    engine.build(add)
    engine.build()
    assert next(once, None) is None
    assert in_team(engine, *VIP) == [*VIP]


def test_what_is_on_its_way_goes_on_when_a_list_is_replaced_meanwhile(engine: Engine) -> None:
    engine.send("Page Viewed", people=["anna", "ben"])
    team()
    upload("anna")
    publish()
    engine.build()
    define("viewers", did("Page Viewed"))
    define("then", did("Page Viewed"), kind="snapshot")
    publish()
    upload("ben", replaces=True)
    engine.build()
    assert engine.segments("a:ben") == {"team", "viewers", "then"}
    assert engine.segments("a:anna") == {"viewers", "then"}


def test_a_replacement_that_was_called_off_comes_with_the_next_upload(engine: Engine) -> None:
    team()
    upload("anna")
    publish()
    engine.build()
    upload("ben", replaces=True)
    assert cancel_build(Build.objects.order_by("-pk")[0], at=timezone.now())
    assert upload("cleo").version.key == "team@2"
    engine.build()
    assert in_team(engine, *VIP, "a:cleo") == ["a:ben", "a:cleo"]


def test_an_id_stands_for_whoever_it_was_linked_to(engine: Engine) -> None:
    engine.send("Page Viewed", people=["phone"])
    engine.send("Page Viewed", people=["phone"], user_id="42")
    engine.send("Page Viewed", people=["tablet"])
    engine.send("Page Viewed", people=["tablet"], user_id="42")
    team()
    person = engine.profile("u:42").id
    assert Identifier.objects.get(key="a:tablet").profile_id.hex == person
    stored = upload("phone", "tablet", "phone")
    assert (stored.rows, stored.added, stored.duplicates) == (3, 1, 2)
    assert Member.objects.get().profile_id.hex == person
    assert upload("42", column="user_id").added == 0
    publish()
    engine.build()
    assert in_team(engine, "u:42", "a:phone", "a:tablet") == ["u:42", "a:phone", "a:tablet"]


def test_profile_ids_are_of_people_who_are_there_or_were_taken_over(engine: Engine) -> None:
    engine.send("Page Viewed", people=["tablet", "anna"])
    former = engine.profile("a:tablet").id
    engine.send("Page Viewed", people=["other"], user_id="42")
    engine.send("Page Viewed", people=["tablet"], user_id="42")
    person = engine.profile("u:42").id
    assert person != former
    team()
    stored = upload(former, engine.profile("a:anna").id, "f" * 32, "nobody", column="profile_id")
    assert (stored.rows, stored.added, stored.refused) == (2, 2, 2)
    assert [(each["line"], each["said"]) for each in stored.problems] == [(4, "f" * 32), (5, "nobody")]
    assert stored.problems[0]["why"] == "no profile has this id"
    publish()
    engine.build()
    assert in_team(engine, "u:42", "a:anna") == ["u:42", "a:anna"]


def test_a_file_without_anybody_changes_nothing(engine: Engine) -> None:
    team()
    upload("anna")
    with pytest.raises(NobodyIn) as refused:
        upload("null", "", "none", column="user_id", replaces=True)
    assert [problem.line for problem in refused.value.problems] == [2, 4]
    with pytest.raises(NobodyIn, match="a header and no ids"):
        upload(replaces=True)
    with pytest.raises(NobodyIn):
        upload("f" * 32, column="profile_id", replaces=True)
    assert (Upload.objects.count(), SegmentVersion.objects.count(), Member.objects.count()) == (1, 1, 1)


def test_a_list_made_again_under_the_name_of_another_has_none_of_its_people(engine: Engine) -> None:
    team()
    upload("anna")
    publish()
    engine.build()
    Segment.objects.get(slug="team").delete()
    publish()
    engine.build()
    team()
    publish()
    engine.build()
    assert in_team(engine, *VIP) == []
    assert upload("ben").version.key == read_roster().answers["team"] == "team@2"
    engine.build()
    assert in_team(engine, *VIP) == ["a:ben"]


def test_a_list_that_was_a_condition_before_has_numbers_of_its_own(engine: Engine) -> None:
    engine.send("Page Viewed", people=["cleo"])
    define("team", did("Page Viewed"))
    publish()
    engine.build()
    team()
    upload("anna")
    assert in_team(engine, "a:cleo") == ["a:cleo"]
    publish()
    engine.build()
    assert read_roster().answers == {"team": "team@2"}
    assert in_team(engine, "a:anna", "a:cleo") == ["a:anna"]


def test_a_snapshot_keeps_whoever_matched_then(engine: Engine) -> None:
    then = timezone.now() - timedelta(hours=1)
    engine.send("Product Viewed", people=["anna"], at=clock() - 2 * HOUR)
    engine.send("Product Viewed", people=["ben"])
    define("viewers", did("Product Viewed"))
    define("then", did("Product Viewed"), kind="snapshot", as_of=then)
    publish()
    engine.build()
    assert engine.segments("a:anna") == {"viewers", "then"}
    assert engine.segments("a:ben") == {"viewers"}
    define("then", did("Product Viewed"), kind="snapshot", as_of=timezone.now())
    publish()
    engine.build()
    assert read_roster().answers["then"] == "then@2"
    assert engine.segments("a:ben") == {"viewers", "then"}
