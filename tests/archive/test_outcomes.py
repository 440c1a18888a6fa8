"""Refusals and counters on their way to PostgreSQL."""

from datetime import date, datetime, timedelta

import pytest

from ingestion import outcomes
from ingestion.archiver import Archiver
from ingestion.archiving import moment
from ingestion.models import Outcome, Refusal
from profiles import keys
from tests.archive.conftest import NOW, AcceptedLog

TODAY = moment(NOW).date()


def counts() -> dict[tuple[date, str, str], int]:
    return {(row.day, row.source, row.outcome): row.count for row in Outcome.objects.all()}


def test_counters_are_absolute(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.client.hset(keys.OUTCOMES, mapping={f"{TODAY}|shop|accepted": 5, f"{TODAY}|-|unknown_key": 1})
    archiver.drain()
    archiver.drain()
    accepted.client.hincrby(keys.OUTCOMES, f"{TODAY}|shop|accepted", 2)
    archiver.drain()
    assert counts() == {(TODAY, "shop", "accepted"): 7, (TODAY, "-", "unknown_key"): 1}


def test_a_redis_that_forgot_does_not_take_counts_away(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.client.hset(keys.OUTCOMES, f"{TODAY}|shop|accepted", 5)
    archiver.drain()
    accepted.client.hset(keys.OUTCOMES, f"{TODAY}|shop|accepted", 4)
    archiver.drain()
    assert counts() == {(TODAY, "shop", "accepted"): 5}


def test_counters_of_past_weeks_leave_redis(accepted: AcceptedLog, archiver: Archiver) -> None:
    old = TODAY - timedelta(days=8)
    accepted.client.hset(keys.OUTCOMES, mapping={f"{old}|shop|accepted": 3, f"{TODAY}|shop|accepted": 1})
    archiver.drain()
    archiver.drain()
    assert counts() == {(old, "shop", "accepted"): 3, (TODAY, "shop", "accepted"): 1}
    assert accepted.client.hkeys(keys.OUTCOMES) == [f"{TODAY}|shop|accepted".encode()]


def test_a_field_that_is_no_counter_is_passed_over(accepted: AcceptedLog, archiver: Archiver) -> None:
    accepted.client.hset(keys.OUTCOMES, mapping={"nonsense": 3, f"{TODAY}|a|b|dead": 1})
    archiver.drain()
    assert counts() == {(TODAY, "a|b", "dead"): 1}


def refuse(accepted: AcceptedLog, number: int, **fields: str | bytes) -> None:
    said: dict[str, str | bytes] = {"source": "shop", "reason": "bad_field", "at": str(NOW), "message": f"no {number}"}
    accepted.client.xadd(keys.REFUSED, {**said, "messageId": f"m{number}", "sample": b"{}", **fields})


def test_refusals_become_rows_once(accepted: AcceptedLog, archiver: Archiver) -> None:
    refuse(accepted, 1, sample=b'{"a": "\xff\x00')
    archiver.drain()
    accepted.start_archiver().drain()
    row = Refusal.objects.get()
    assert (row.source, row.reason, row.message, row.message_id) == ("shop", "bad_field", "no 1", "m1")
    assert (row.sample, row.at) == ('{"a": "��', moment(NOW))
    assert accepted.client.xlen(keys.REFUSED) == 1  # bounded by the doors, and looked into by people


def test_only_the_newest_refusals_are_kept(
    accepted: AcceptedLog, archiver: Archiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "KEPT_REFUSALS", 3)
    refuse(accepted, 0, at=str(NOW - 31 * 86_400_000))
    for number in range(1, 6):
        refuse(accepted, number)
    archiver.drain()
    outcomes.trim_refusals(now=moment(NOW))
    assert sorted(Refusal.objects.values_list("message_id", flat=True)) == ["m3", "m4", "m5"]
    outcomes.trim_refusals(now=moment(NOW) + timedelta(days=31))
    assert not Refusal.objects.exists()


def test_moments_are_exact_to_the_millisecond() -> None:
    assert moment(1_799_999_999_999) == datetime.fromisoformat("2027-01-15T07:59:59.999+00:00")
