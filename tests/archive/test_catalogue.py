"""The catalogue learns what events look like, and hostile input cannot make it grow without end."""

import pytest

from ingestion import catalogue
from ingestion.archiver import Archiver
from ingestion.archiving import moment
from ingestion.models import EventProperty, EventType
from tests.archive.conftest import NOW, AcceptedLog


def described(name: str) -> dict[str, tuple[list[str], bool]]:
    found = EventProperty.objects.filter(event_type__name=name)
    return {each.path: (each.types, each.indexed) for each in found}


def test_names_volumes_and_times(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(accepted.event(name="Signed Up", at=NOW - 5), accepted.event(name="Signed Up", at=NOW))
    archiver.drain()
    accepted.apply(accepted.event(name="Signed Up", at=NOW - 9), accepted.event(name="Signed Up", at=NOW + 9))
    archiver.drain()
    found = EventType.objects.get()
    assert (found.name, found.volume) == ("Signed Up", 4)
    assert (found.first_seen, found.last_seen) == (moment(NOW - 9), moment(NOW))  # a clock ahead says nothing


def test_paths_and_types(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(
        accepted.event(name="Order Completed", properties={"revenue": 10, "coupon": None, "products": [{"sku": "a"}]}),
        accepted.event(name="Order Completed", properties={"revenue": "10", "gift": True, "address": {"zip": "1"}}),
    )
    archiver.drain()
    assert described("Order Completed") == {
        "address": (["object"], False),
        "gift": (["boolean"], False),
        "products": (["list"], False),
        "products.sku": (["string"], False),
        "revenue": (["number", "string"], True),
    }


def test_types_add_up_and_what_operators_said_stays(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(accepted.event(properties={"price": 1, "margin": 2}))
    archiver.drain()
    assert described("Product Viewed") == {"price": (["number"], True), "margin": (["number"], False)}
    EventProperty.objects.filter(path="price").update(indexed=False)
    EventProperty.objects.filter(path="margin").update(indexed=True)
    accepted.apply(accepted.event(at=NOW + 120_000, received=NOW + 120_000, properties={"price": "1", "margin": 2}))
    archiver.drain()
    assert described("Product Viewed") == {"price": (["number", "string"], False), "margin": (["number"], True)}
    assert set(EventProperty.objects.values_list("last_seen", flat=True)) == {moment(NOW + 120_000)}


def test_what_was_deleted_is_learnt_anew(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.apply(accepted.event(properties={"price": 1}))
    archiver.drain()
    EventType.objects.all().delete()
    accepted.apply(accepted.event(properties={"price": 1}))
    archiver.drain()
    assert EventType.objects.get().volume == 1
    assert described("Product Viewed") == {"price": (["number"], True)}


def test_the_number_of_names_is_bounded(
    accepted: AcceptedLog, archiver: Archiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "MAX_NAMES", 5)
    accepted.apply(*(accepted.event(name=f"Random {number}") for number in range(4)))
    archiver.drain()
    accepted.apply(*(accepted.event(name=f"Random {number}") for number in range(20)))
    archiver.drain()
    assert EventType.objects.count() == 5
    assert EventType.objects.get(name="Random 0").volume == 2


def test_the_number_of_paths_is_bounded(
    accepted: AcceptedLog, archiver: Archiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "MAX_PATHS", 5)
    for start in (0, 4, 100):
        hostile = {f"random{number}": number for number in range(start, start + 50)}
        accepted.apply(accepted.event(properties={**hostile, "x" * 201: 1, "list": [hostile]}))
        archiver.drain()
    assert EventProperty.objects.count() == 5
    accepted.apply(accepted.event(at=NOW + 120_000, received=NOW + 120_000, properties={"random0": "text"}))
    archiver.drain()
    assert EventProperty.objects.get(path="random0").types == ["number", "string"]
