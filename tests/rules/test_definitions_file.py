"""Definitions as one file: what is exported and imported is the same, and what is wrong is said with its place."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from jsonschema import Draft202012Validator

from rules.actions import publish_book
from rules.describe import KINDS
from rules.exporting import export_book, export_drafts, write_file
from rules.file_schema import PLURALS, make_schema
from rules.importing import BadFile, Report, import_definitions, read_file
from rules.models import Block, Offer, Revision, Rule, Slot
from segments.models import Segment
from tests.admin.operators import condition, make_definitions, only
from tests.docs.pages import ROOT

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCHEMA = make_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def take_in(document: Any, **options: Any) -> Report:
    return import_definitions(document, by=None, at=NOW, **options)


def make_file(**kinds: Any) -> dict[str, Any]:
    return {"v": 1, **kinds}


def say(report: Report) -> list[str]:
    return [str(problem) for problem in report.problems]


def list_changes(report: Report) -> list[tuple[str, str, str]]:
    return [(change.what, change.kind, change.name) for change in report.changes]


@pytest.mark.django_db
def test_a_file_reads_well() -> None:
    _, _, _, rule = make_definitions()
    block = Block.objects.create(slug="sale", name="Sale", source="<p>\n  Für alle\n</p>")
    Rule.objects.filter(pk=rule.pk).update(block=block, caps=[{"of": "person", "per": "day", "most": 1}], live=False)
    Block.objects.filter(slug="thanks").delete()
    assert write_file(export_drafts()) == Path(__file__).with_name("definitions.json").read_text()


@pytest.mark.django_db
def test_the_documented_file_is_one() -> None:
    page = (ROOT / "docs" / "reference" / "definitions.md").read_text()
    document = json.loads(page.split("```json\n")[1].split("```")[0])
    VALIDATOR.validate(document)
    report = take_in(document)
    assert (report.problems, len(report.changes)) == ([], 5)
    assert export_drafts() == document


@pytest.mark.django_db
def test_what_was_exported_is_taken_in_without_a_change() -> None:
    make_definitions()
    report = take_in(export_drafts())
    assert (report.changes, report.problems, report.unchanged, report.stored) == ([], [], 4, True)
    assert not Revision.objects.exists()


@pytest.mark.django_db
def test_an_import_has_its_revisions() -> None:
    take_in(make_file(blocks={"b": {"name": "B", "source": ["<p>", "</p>"]}}), note="From git")
    revision = Revision.objects.get()
    assert (revision.slug, revision.version, revision.note) == ("b", 1, "From git")
    assert Block.objects.get().source == "<p>\n</p>"


@pytest.mark.django_db
def test_what_is_new_changed_and_left_out_is_told() -> None:
    make_definitions()
    document = export_drafts()
    document["slots"]["footer"] = {"name": "Footer"}
    document["rules"]["gold-thanks"]["priority"] = 7
    del document["segments"]["gold"]
    report = take_in(document)
    assert list_changes(report) == [("new", "slot", "footer"), ("changed", "rule", "gold-thanks")]
    assert report.changes[1].fields == ("priority",)
    assert Segment.objects.exists()
    report = take_in(document, prune=True, dry_run=True)
    assert list_changes(report) == [("removed", "segment", "gold")]
    assert Segment.objects.exists()
    take_in(document, prune=True)
    assert not Segment.objects.exists()


@pytest.mark.django_db
def test_pruning_leaves_the_kinds_that_the_file_has_not() -> None:
    make_definitions()
    assert take_in(make_file(rules={}), prune=True).changes[0].what == "removed"
    assert not Rule.objects.exists()
    assert Block.objects.exists()


@pytest.mark.django_db
def test_pruning_removes_what_depends_before_what_it_depends_on() -> None:
    fallback = Block.objects.create(slug="a", name="A", source="x")
    Block.objects.create(slug="z", name="Z", kind="recommendation", source="{}", fallback=fallback)
    make_definitions()
    report = take_in(make_file(**{plural: {} for plural in PLURALS.values()}), prune=True)
    assert (report.problems, report.stored) == ([], True)
    assert not any(model._default_manager.exists() for model in KINDS.values())


@pytest.mark.django_db
def test_what_is_needed_by_something_outside_of_the_file_is_not_pruned() -> None:
    make_definitions()
    report = take_in(make_file(blocks={}), prune=True)
    assert say(report) == [
        "/blocks/thanks: it is not in the file, and cannot be removed: it is used by rule gold-thanks"
    ]
    assert Block.objects.exists()


@pytest.mark.django_db
def test_with_anything_wrong_nothing_is_stored_and_every_problem_is_said_with_its_place() -> None:
    document = make_file(
        segments={
            "good": {"name": "Good", "condition": condition()},
            "bad": {"name": "Bad", "condition": condition(op="resembles")},
        },
        slots={"hero": {"name": "Hero", "channel": "radio"}, "a b": {"name": "Space"}},
        blocks={"broken": {"name": "Broken", "source": "{% if %}"}, "strange": {"name": "Strange", "colour": "red"}},
        rules={
            "lost": {"name": "Lost", "slot": "nowhere", "block": "nothing"},
            "after": {"name": "After", "slot": "hero", "block": "broken"},
        },
    )
    report = take_in(document)
    found = say(report)
    for expected in (
        "/segments/bad/condition: root: unknown operator 'resembles'",
        "/slots/hero/channel: 'radio' is not one of ['web', 'email', 'json']",
        "/slots/a b: 'a b' does not match",
        "/blocks/broken/source: Liquid: line 1, column 4",
        "/blocks/strange: Additional properties are not allowed ('colour' was unexpected)",
        "/blocks/strange: 'source' is a required property",
        "/rules/lost/slot: there is no slot nowhere",
        "/rules/lost/block: there is no block nothing",
        "/rules/after/slot: the slot hero cannot be taken in itself",
    ):
        assert [line for line in found if line.startswith(expected)], (expected, found)
    assert len(found) == 9
    assert not report.stored
    assert not any(model._default_manager.exists() for model in KINDS.values())
    assert not Revision.objects.exists()


@pytest.mark.django_db
def test_in_part_what_is_right_is_stored() -> None:
    document = make_file(
        segments={"good": {"name": "Good", "condition": condition()}, "bad": {"name": "Bad"}},
        slots={"hero": {"name": "Hero"}},
    )
    report = take_in(document, partial=True)
    assert report.stored
    assert say(report) == ["/segments/bad/condition: a segment of the kind condition needs a condition"]
    assert [segment.slug for segment in Segment.objects.all()] == ["good"]
    assert Slot.objects.exists()


@pytest.mark.django_db
def test_what_does_not_fit_together_is_said_at_its_place() -> None:
    _, _, slot, _ = make_definitions()
    report = take_in(make_file(slots={"hero": {"name": "Hero", "channel": "email", "kinds": ["email"]}}))
    assert say(report) == ["/rules/gold-thanks: the block thanks is HTML, and the slot hero takes an e-mail"]
    slot.refresh_from_db()
    assert slot.channel == "web"
    both = (("a", "b"), ("b", "a"))
    circle = {slug: {"name": slug, "condition": only(kind="segment", segment=other)} for slug, other in both}
    assert "refer to each other" in say(take_in(make_file(segments=circle)))[0]
    assert not Segment.objects.filter(slug="a").exists()


@pytest.mark.django_db
def test_what_was_wrong_before_does_not_speak_against_the_file() -> None:
    _, block, *_ = make_definitions()
    Block.objects.filter(pk=block.pk).update(source="{% if %}")
    assert take_in(make_file(slots={"footer": {"name": "Footer"}})).stored


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "Not JSON: line 1, column 2"),
        (b"\xff", "not in UTF-8"),
        (b'{"v": 1, "v": 1}', "stands twice"),
        (b'{"v": 1, "slots": {"a": {"name": "\\u0000"}}}', "cannot be stored"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(content: bytes, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read_file(content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the file: [] is not of type 'object'"),
        ({}, "the file: 'v' is a required property"),
        ({"v": 2}, "/v: 1 was expected"),
        ({"v": 1, "rules": []}, "/rules: [] is not of type 'object'"),
        ({"v": 1, "codes": {}}, "the file: Additional properties are not allowed ('codes' was unexpected)"),
    ],
)
def test_what_is_no_file_of_definitions_is_refused_whole(document: Any, said: str) -> None:
    report = take_in(document, partial=True)
    assert say(report) == [said]
    assert not report.stored


@pytest.mark.django_db
def test_a_book_is_exported_as_it_was_published() -> None:
    segment, *_ = make_definitions()
    Segment.objects.filter(pk=segment.pk).update(description="Who pays most")
    Slot.objects.create(slug="footer", name="Footer")
    book = publish_book(by=None, at=NOW)
    drafts, published = export_drafts(), export_book(book.payload)
    del drafts["segments"]["gold"]["description"]
    assert published == drafts
    assert take_in(published).changes == []
    assert Segment.objects.get().description == "Who pays most"


@pytest.mark.django_db
def test_recommendations_are_taken_in_after_the_block_in_their_place() -> None:
    blocks = {
        "a": {"name": "A", "kind": "recommendation", "source": "{}", "fallback": "z"},
        "z": {"name": "Z", "source": "x"},
    }
    report = take_in(make_file(blocks=blocks))
    assert not [problem for problem in report.problems if problem.pointer.endswith("fallback")]


def test_the_schema_in_the_repository_is_the_one_that_is_made() -> None:
    assert json.loads((ROOT / "static" / "definitions.schema.json").read_text()) == SCHEMA, "make schema"


def test_it_is_a_schema_that_lets_through_what_is_exported() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(json.loads(Path(__file__).with_name("definitions.json").read_text()))
    errors = VALIDATOR.iter_errors(make_file(segments={"s": {"name": "S", "condition": condition(op="resembles")}}))
    assert [error.json_path for error in errors]


@pytest.mark.django_db(transaction=True)
def test_the_commands_write_and_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_definitions()
    publish_book(by=None, at=NOW)
    call_command("export_definitions")
    drafts = capsys.readouterr().out
    call_command("export_definitions", book="1")
    assert '"thanks"' in capsys.readouterr().out
    with pytest.raises(CommandError, match="no Book 7"):
        call_command("export_definitions", book="7")
    file = tmp_path / "definitions.json"
    file.write_text(drafts)
    call_command("import_definitions", str(file))
    assert capsys.readouterr().out == "0 new, 0 changed, 0 removed, 4 unchanged. There is nothing to do.\n"
    file.write_text(drafts.replace('"Banner"', '"Hero"'))
    call_command("import_definitions", str(file), dry_run=True)
    assert "It was a dry run: nothing is stored" in capsys.readouterr().out
    call_command("import_definitions", str(file))
    assert capsys.readouterr().out.splitlines()[0] == "changed slot hero: name"
    assert Revision.objects.get(version=1).note == "Imported from definitions.json"
    file.write_text(drafts.replace('"slot": "hero"', '"slot": "gone"'))
    with pytest.raises(CommandError, match="nothing is stored, because of 1 problem"):
        call_command("import_definitions", str(file))
    assert capsys.readouterr().err == "/rules/gold-thanks/slot: there is no slot gone\n"
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_definitions", str(tmp_path / "other.json"))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r{%"), min_size=1, max_size=60).filter(str.strip)
names = texts.map(lambda text: text[:120])
slugs = st.from_regex(r"[a-z][-a-z0-9_]{0,12}", fullmatch=True)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC))
zones = st.sampled_from(["", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
caps = st.lists(
    st.fixed_dictionaries(
        {
            "most": st.integers(1, 1_000),
            "per": st.sampled_from(["hour", "day", "week", "campaign"]),
            "of": st.sampled_from(["person", "everybody"]),
        }
    ),
    max_size=4,
    unique_by=lambda cap: (cap["per"], cap["of"]),
)
conditions = st.builds(lambda value: condition(value=value), st.one_of(texts, st.integers(-9, 9), st.booleans()))


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """Files in which everything that is named is there."""
    blocks = draw(st.dictionaries(slugs, st.fixed_dictionaries({"name": names, "source": texts}), max_size=3))
    json_blocks = st.fixed_dictionaries(
        {"name": names, "source": texts.map(json.dumps), "kind": st.just("json")},
        optional={"shape": st.just({"type": "string", "minLength": 1})},
    )
    blocks |= draw(st.dictionaries(slugs, json_blocks, max_size=2))
    some_block = st.sampled_from(sorted(blocks)) if blocks else st.nothing()
    slots = draw(
        st.dictionaries(
            slugs,
            st.fixed_dictionaries({"name": names}, optional={"default": some_block} if blocks else {}),
            max_size=3,
        )
    )
    every = st.sampled_from(["hour", "day", "week", "campaign"])
    offers = draw(
        st.dictionaries(
            slugs,
            st.fixed_dictionaries(
                {"name": names, "kind": st.just("points"), "points": st.integers(1, 9), "every": every}
            ),
            max_size=2,
        )
    )
    segments = draw(
        st.dictionaries(
            slugs,
            st.one_of(
                st.fixed_dictionaries({"name": names, "condition": conditions}, optional={"live": st.booleans()}),
                st.fixed_dictionaries({"name": names, "kind": st.just("list"), "description": texts}),
                st.fixed_dictionaries(
                    {"name": names, "kind": st.just("snapshot"), "condition": conditions},
                    optional={"as_of": moments.map(datetime.isoformat)},
                ),
            ),
            max_size=3,
        )
    )
    rules: dict[str, Any] = {}
    if slots and blocks:
        more = {
            "priority": st.integers(-100, 100),
            "weight": st.integers(1, 100),
            "condition": conditions,
            "zone": zones,
            "starts": moments.map(datetime.isoformat),
            "caps": caps,
            "purpose": slugs,
            "live": st.booleans(),
        }
        if offers:
            more["offer"] = st.sampled_from(sorted(offers))
        needed = {"name": names, "slot": st.sampled_from(sorted(slots)), "block": some_block}
        rules = draw(st.dictionaries(slugs, st.fixed_dictionaries(needed, optional=more), max_size=4))
    return make_file(segments=segments, slots=slots, blocks=blocks, offers=offers, rules=rules)


class ThereAndBack(TestCase):
    """Whatever is defined: exported, taken into an empty database, and exported, it is the same file."""

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(documents())
    def test_a_file_comes_back_as_it_was(self, document: dict[str, Any]) -> None:
        report = take_in(document)
        assert (report.problems, report.stored) == ([], True)
        exported = export_drafts()
        VALIDATOR.validate(exported)
        written = write_file(exported)
        again = take_in(read_file(written.encode()))
        assert (again.problems, again.changes) == ([], [])
        empty_database()
        assert take_in(read_file(written.encode())).stored
        assert write_file(export_drafts()) == written


def empty_database() -> None:
    with transaction.atomic():
        for model in (Rule, Slot, Block, Offer, Segment, Revision):
            model._default_manager.all().delete()
