"""The ledger of points: each entry once, never below nothing, and one person's points are one balance."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from profiles.models import MergeRecord
from rules.ledger import list_entries, list_profiles, read_balance
from rules.models import PointsEntry
from rules.points import KeyTaken, NotEnoughPoints, add_points, spend_points

ANN, BEN, CAT = UUID(int=1), UUID(int=2), UUID(int=3)
AT = datetime(2026, 6, 17, 12, tzinfo=UTC)


def merge(loser: UUID, winner: UUID) -> MergeRecord:
    return MergeRecord.objects.create(loser_id=loser, winner_id=winner, state=b"", because="m", at=AT)


@pytest.mark.django_db
def test_the_balance_is_what_was_added_less_what_was_spent() -> None:
    add_points(ANN, 100, key="a", note="Welcome", at=AT)
    add_points(BEN, 7, key="b", at=AT)
    entry = spend_points(ANN, 30, key="c", note="Mug", at=AT + timedelta(days=1))
    assert (entry.points, entry.note) == (-30, "Mug")
    assert (read_balance(ANN), read_balance(BEN), read_balance(CAT)) == (70, 7, 0)
    assert [(entry.points, entry.note) for entry in list_entries(ANN, limit=10)] == [(-30, "Mug"), (100, "Welcome")]
    assert [entry.points for entry in list_entries(ANN, limit=1)] == [-30]


@pytest.mark.django_db
def test_nobody_spends_more_than_there_is() -> None:
    add_points(ANN, 100, key="a", at=AT)
    with pytest.raises(NotEnoughPoints, match="101 points were to be spent, and there are 100") as caught:
        spend_points(ANN, 101, key="b", at=AT)
    assert caught.value.balance == 100
    spend_points(ANN, 100, key="b", at=AT)
    with pytest.raises(NotEnoughPoints):
        spend_points(ANN, 1, key="c", at=AT)
    assert read_balance(ANN) == 0


@pytest.mark.django_db
def test_what_is_sent_again_counts_once() -> None:
    first = add_points(ANN, 100, key="a", at=AT)
    assert add_points(ANN, 100, key="a", at=AT + timedelta(hours=1)) == first
    spent = spend_points(ANN, 100, key="b", at=AT)
    assert spend_points(ANN, 100, key="b", at=AT) == spent  # there is nothing left, and it was spent already
    assert PointsEntry.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "act",
    [
        lambda: add_points(ANN, 99, key="a", at=AT),
        lambda: add_points(BEN, 100, key="a", at=AT),
        lambda: spend_points(ANN, 100, key="a", at=AT),
    ],
)
def test_a_key_is_of_one_entry(act: Callable[[], object]) -> None:
    add_points(ANN, 100, key="a", at=AT)
    with pytest.raises(KeyTaken):
        act()
    assert read_balance(ANN) == 100


@pytest.mark.django_db
@pytest.mark.parametrize("points", [0, -5, 1_000_000_001])
def test_points_are_a_sensible_number(points: int) -> None:
    for act in (add_points, spend_points):
        with pytest.raises(ValueError, match="points must be"):
            act(ANN, points, key="a", at=AT)


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "k" * 121, "a\0b", f"grant:thanks:{ANN.hex}:"])
def test_a_key_is_a_text_and_not_that_of_a_grant(key: str) -> None:
    with pytest.raises(ValueError, match="key must be"):
        add_points(ANN, 1, key=key, at=AT)


@pytest.mark.django_db
def test_points_of_profiles_that_became_one_are_one_balance() -> None:
    add_points(ANN, 10, key="a", at=AT)
    add_points(BEN, 20, key="b", at=AT)
    add_points(CAT, 40, key="c", at=AT)
    merge(CAT, BEN)
    into_ann = merge(BEN, ANN)
    for id in (ANN, BEN, CAT):
        assert list_profiles(id) == [ANN, BEN, CAT]
        assert read_balance(id) == 70
        assert len(list_entries(id, limit=10)) == 3
    spend_points(CAT, 65, key="d", at=AT)
    assert spend_points(ANN, 65, key="d", at=AT).profile_id == CAT  # the same person sends it again
    with pytest.raises(NotEnoughPoints):
        spend_points(ANN, 6, key="e", at=AT)
    MergeRecord.objects.filter(pk=into_ann.pk).update(undone=timezone.now())
    assert (read_balance(ANN), read_balance(BEN)) == (10, -5)


@pytest.mark.django_db(transaction=True)
def test_points_are_not_spent_twice_at_the_same_moment() -> None:
    add_points(ANN, 100, key="a", at=AT)
    add_points(BEN, 100, key="b", at=AT)
    merge(BEN, ANN)

    def spend(number: int) -> bool:
        try:
            spend_points((ANN, BEN)[number % 2], 30, key=f"s{number}", at=AT)
        except NotEnoughPoints:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        spent = sum(threads.map(spend, range(24)))
    assert spent == 6
    assert read_balance(ANN) == 20


@pytest.mark.django_db(transaction=True)
def test_one_key_sent_at_the_same_moment_is_spent_once() -> None:
    add_points(ANN, 1_000, key="a", at=AT)

    def spend(number: int) -> int:
        try:
            return spend_points(ANN, 30, key="same", at=AT).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(spend, range(16)))) == 1
    assert read_balance(ANN) == 970


@pytest.mark.django_db(transaction=True)
def test_a_merge_while_points_are_spent_lets_nobody_spend_them_twice() -> None:
    """Whoever spends as the one waits for whoever spends as the other, also when the two became one in between."""
    add_points(BEN, 100, key="a", at=AT)

    def spend_as_ann() -> bool:
        try:
            spend_points(ANN, 100, key="ann", at=AT)
        except NotEnoughPoints:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        spend_points(BEN, 100, key="ben", at=AT)
        with ThreadPoolExecutor(1) as other:
            other.submit(_merge_elsewhere).result()
        waiting = thread.submit(spend_as_ann)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
    assert waiting.result() is False
    assert read_balance(ANN) == 0


def _merge_elsewhere() -> None:
    try:
        merge(BEN, ANN)
    finally:
        connection.close()
