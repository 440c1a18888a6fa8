"""The catalogue over REST: what comes in, what is remembered of it, what it must look like."""

from typing import Any

import pytest

from ingestion.models import EventProperty, EventType
from ingestion.queries import newest_directory
from tests.rest.conftest import BackEnd


def declare(name: str, *paths: str) -> EventType:
    event_type = EventType.objects.create(name=name, volume=3)
    for each in paths:
        EventProperty.objects.create(event_type=event_type, path=each, types=["string"])
    return event_type


def test_what_is_known_of_an_event(back_end: BackEnd) -> None:
    declare("Tent Pitched", "colour", "ground")
    declare("A/B Test", "variant")
    assert [each["name"] for each in back_end.get("catalogue").items] == ["A/B Test", "Tent Pitched"]
    told = back_end.get("catalogue/Tent%20Pitched").body
    assert (told["name"], told["volume"], told["schema"]) == ("Tent Pitched", 3, None)
    assert [(each["path"], each["types"], each["indexed"]) for each in told["properties"]] == [
        ("colour", ["string"], False),
        ("ground", ["string"], False),
    ]
    assert back_end.get("catalogue/A/B%20Test").body["name"] == "A/B Test"
    assert back_end.get("catalogue/Nothing").code == "not_found"


def test_what_is_chosen_holds_for_the_next_event(back_end: BackEnd) -> None:
    declare("Tent Pitched", "colour")
    schema = {"strict": True, "required": ["colour"]}
    said = {"properties": {"colour": {"indexed": True}, "pegs": {"indexed": True}}, "schema": schema}
    answer = back_end.patch("catalogue/Tent Pitched", said, if_match=back_end.get("catalogue/Tent Pitched").etag)
    assert answer.status == 200
    assert {"colour", "pegs"} <= set(answer.body["remembered"])
    assert answer.body["schema"] == schema
    newest = newest_directory()
    assert newest is not None
    assert {"colour", "pegs"} <= set(newest[1]["indexed"]["Tent Pitched"])
    assert newest[1]["schemas"]["Tent Pitched"]["required"] == ["colour"]
    kept = back_end.patch("catalogue/Tent Pitched", {"schema": None}, if_match=answer.etag).body
    assert (kept["schema"], "colour" in kept["remembered"]) == (None, True)


def test_counting_events_does_not_make_an_edit_late(back_end: BackEnd) -> None:
    declare("Tent Pitched", "colour")
    tag = back_end.get("catalogue/Tent Pitched").etag
    EventType.objects.update(volume=9)
    body = {"properties": {"colour": {"indexed": True}}}
    assert back_end.patch("catalogue/Tent Pitched", body, if_match=tag).status == 200
    assert back_end.patch("catalogue/Tent Pitched", body, if_match=tag).code == "version_mismatch"
    assert back_end.patch("catalogue/Tent Pitched", body).code == "if_match_missing"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"schema": {"strikt": True}}, [("/schema", "bad_schema")]),
        ({"schema": 3}, [("/schema", "not_a_dict")]),
        ({"properties": {"colour": True}}, [("/properties/colour", "not_an_object")]),
        ({"properties": {"colour": {"indexed": "perhaps"}}}, [("/properties/colour/indexed", "invalid")]),
        ({"properties": {"a.b.c": {"indexed": True}}}, [("/properties/a.b.c", "bad_path")]),
        ({"properties": {"a/b" * 70: {"indexed": True}}}, [("/properties/" + "a~1b" * 70, "bad_path")]),
        ({"volume": 0}, [("/volume", "unknown_field")]),
    ],
)
def test_a_mistake_is_told_with_its_place(back_end: BackEnd, body: Any, errors: list[tuple[str, str]]) -> None:
    declare("Tent Pitched", "colour")
    assert back_end.patch("catalogue/Tent Pitched", body, if_match="*").errors == errors
    assert not EventProperty.objects.filter(indexed=True).exists()


def test_questions_to_the_database_do_not_grow_with_events(back_end: BackEnd, django_assert_num_queries: Any) -> None:
    for start in (0, 5):
        for number in range(start, start + 5):
            declare(f"E{number}", *(f"p{each}" for each in range(start + 1)))
        for path, count in (("catalogue", 1), ("catalogue/E0", 3)):
            with django_assert_num_queries(count):
                assert back_end.get(path).status == 200
