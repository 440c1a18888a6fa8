"""What decisions granted comes to PostgreSQL once, however often its records come."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from profiles.decided import Granted
from rules.granting import record_grants
from rules.ledger import read_balance
from rules.models import Grant, Offer, OfferCode, PointsEntry

pytestmark = pytest.mark.django_db

ANN, BEN = "0a" * 16, "0b" * 16
AT = 1_781_700_000_123


def granted(profile: str = ANN, *, offer: str = "summer", period: str = "", code: str = "", points: int = 0) -> Granted:
    return Granted(profile=profile, offer=offer, period=period, code=code, points=points, decision="0d" * 16, at=AT)


def test_a_grant_has_its_code_its_decision_and_its_moment() -> None:
    record_grants([granted(code="A1", period="2026-06-17")])
    grant = Grant.objects.get()
    assert (grant.offer, grant.profile_id, grant.period, grant.code) == ("summer", UUID(ANN), "2026-06-17", "A1")
    assert grant.decision_id == UUID("0d" * 16)
    assert grant.at == datetime.fromtimestamp(AT // 1000, UTC).replace(microsecond=123_000)


def test_records_that_come_again_change_nothing() -> None:
    records = [granted(code="A1"), granted(BEN, code="B1"), granted(points=50, offer="thanks")]
    for _ in range(3):
        record_grants([*records, *records])
    assert Grant.objects.count() == 3
    assert [entry.points for entry in PointsEntry.objects.all()] == [50]


def test_points_come_into_the_ledger_once_in_each_period() -> None:
    for period in ("2026-W25", "2026-W25", "2026-W26"):
        record_grants([granted(points=100, offer="thanks", period=period), granted(BEN, offer="club", period=period)])
    assert read_balance(UUID(ANN)) == 200
    assert read_balance(UUID(BEN)) == 0
    keys = PointsEntry.objects.order_by("key").values_list("key", flat=True)
    assert list(keys) == [f"grant:thanks:{ANN}:2026-W25", f"grant:thanks:{ANN}:2026-W26"]


def test_early_access_is_a_grant_without_code_and_points() -> None:
    record_grants([granted(offer="club")])
    grant = Grant.objects.get()
    assert (grant.code, grant.points) == ("", 0)
    assert not PointsEntry.objects.exists()


def test_a_granted_code_is_marked_and_also_a_second_one_of_the_same_person() -> None:
    """A Redis that lost its last second knows of no grant and makes another one: the person has seen both codes."""
    summer = Offer.objects.create(slug="summer", name="Summer")
    winter = Offer.objects.create(slug="winter", name="Winter")
    for offer in (summer, winter):
        OfferCode.objects.bulk_create([OfferCode(offer=offer, code=code) for code in ("A1", "A2", "A3")])
    record_grants([granted(code="A1")])
    record_grants([granted(code="A2")])
    assert [grant.code for grant in Grant.objects.all()] == ["A1"]
    marked = OfferCode.objects.exclude(granted=None)
    assert {(code.offer.slug, code.code) for code in marked} == {("summer", "A1"), ("summer", "A2")}
    assert not marked.filter(handed=None).exists()


def test_a_thousand_grants_take_three_statements() -> None:
    records = [granted(f"{number:032x}", code=f"C{number}", points=1) for number in range(1_000)]
    with CaptureQueriesContext(connection) as queries:
        record_grants(records)
    assert len(queries) == 3
    assert Grant.objects.count() == PointsEntry.objects.count() == 1_000
    with CaptureQueriesContext(connection) as queries:
        record_grants([])
    assert len(queries) == 0


def test_a_grant_of_an_offer_that_is_gone_is_kept() -> None:
    record_grants([granted(offer="nobody-knows-it", code="X1")])
    assert Grant.objects.get().code == "X1"


def test_the_longest_names_fit() -> None:
    record_grants([granted(offer="o" * 64, period="p" * 16, points=1)])
    assert len(PointsEntry.objects.get().key) == 120
