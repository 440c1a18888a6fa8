"""The export of a person says everything that an erasure would remove: held against the erasure's own receipt, and word
by word against everything that PostgreSQL and Redis hold."""

import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from personalization.people import UnknownPerson, export_person
from profiles import keys
from profiles.models import Drift, Erasure, Reconciliation
from segments.models import Roster
from tests.archive.living import LivingHarness
from tests.archive.test_erasure import (
    DEVICES,
    IDS,
    LAPTOP,
    PHONE,
    SAMPLES,
    USER,
    ask,
    did,
    live,
    living,
    owner,
    plant,
)
from tests.processing import lives

pytestmark = pytest.mark.django_db

__all__ = ["living"]  # a fixture

# What an erasure counts, and the list of the export that says it: a place that is added to the one needs the other.
TOLD_IN = {
    "events": "events",
    "profiles": "profile",
    "identifiers": "identities",
    "merges": "merges",
    "segment changes": "segmentChanges",
    "members of lists": "lists",
    "decisions": "decisions",
    "outcomes": "outcomes",
    "points": "points",
    "grants, without the person": "grants",
    "evidence of mends": "mends",
    "audit entries, without the person": "acts",
    "operators' log": "operatorsLog",
    "dead letters": "deadLetters",
    "refusals": "refusals",
}


def plant_all(living: LivingHarness) -> dict[str, Any]:
    """Anna, with something in every place; and her export."""
    Roster.objects.create(number=1, payload={"answers": {slug: slug for slug in lives.SEGMENTS}}, at=timezone.now())
    live(living)
    plant(living)
    now = timezone.now()
    run = Reconciliation.objects.create(started=now, heartbeat=now, by="night")
    Drift.objects.create(
        run=run, profile_id=UUID(owner(living)), aspects={"events": {"zq-Viewed": [1, 2]}}, noticed=now
    )
    told: dict[str, Any] = json.loads(b"".join(export_person(UUID(LAPTOP))))
    return told


def test_everything_that_an_erasure_removes_is_told(living: LivingHarness) -> None:
    told = plant_all(living)
    ask(living, owner(living))
    living.work()
    counts = Erasure.objects.get().counts
    # Identifiers leave with their links, one by one; the receipt counts those of which no link is left.
    assert {*counts, "identifiers"} == TOLD_IN.keys()
    assert [place for place, name in TOLD_IN.items() if not told[name]] == []
    # Rows are told one for one; of the refusals, samples that still lie in Redis are counted too.
    alike = TOLD_IN.keys() - {"profiles", "refusals", "identifiers"}
    assert {place: len(told[TOLD_IN[place]]) for place in alike} == {place: counts[place] for place in alike}


def test_every_word_that_is_kept_of_a_person_is_told(living: LivingHarness) -> None:
    """Whatever stands in a table or in Redis with one of her words in it, by whatever road it came there."""
    told = json.dumps(plant_all(living), ensure_ascii=False)
    kept = set(re.findall(r"zq-[\w@.-]+", "\n".join([*_dump_tables(), *_dump_redis(living)])))
    assert {"zq-phone", "zq-anna@example.com", "zq-Outdoor", "zq-mail", "zq-Utrecht", "zq-code"} <= kept
    assert {word for word in kept if word not in told} == set()


def _dump_tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        found = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT row::text FROM "{table}" AS row')
            found += [text for (text,) in cursor.fetchall()]
    return found


def _dump_redis(living: LivingHarness) -> list[str]:
    """Her tally; everything else in Redis is on its way to a table, or a copy of one."""
    tally = living.client.hgetall(keys.tally(owner(living)))
    return [f"{name.decode()} {value.decode()}" for name, value in tally.items()]


def test_the_document_is_of_one_person(living: LivingHarness) -> None:
    told = plant_all(living)
    assert told["profile"]["id"] == str(UUID(owner(living)))
    assert {told["profile"]["id"], *told["profile"]["former"]} == {str(UUID(id)) for id in IDS[:3]}
    assert told["profile"]["userId"] == USER
    assert set(told["identifiers"]) == {f"u:{USER}", *(f"a:{device}" for device in DEVICES)}
    assert told["traits"]["city"]["value"] == "zq-Utrecht"
    assert told["consent"]["zq-mail"]["value"] is True and told["consent"]["zq-mail"]["at"]
    assert told["totals"]["Product Viewed"]["count"] == 7
    assert len(told["events"]) == 12 and {"messageId", "properties", "context"} <= told["events"][0].keys()
    assert told["segments"].keys() >= {"keen"} and told["counters"] == {"g:ten:": "zq-code", "s:summer:day:": "1"}
    assert [len(told[name]) for name in ("lists", "decisions", "outcomes", "grants", "points", "merges")] == [
        *(1, 1, 1, 2, 1, 2)
    ]
    assert [each["said"] for each in told["refusedRows"]] == [USER, f"{USER};zq-Anna"]
    # A sample that is cut off within an id may be of somebody whose id begins alike: it is erased, and not told.
    assert {each["sample"] for each in told["refusals"]} == {*SAMPLES} - {SAMPLES[2], SAMPLES[3]}
    record = told["deadLetters"][0]["record"]
    assert record["anonymousId"] == "zq-tablet" and record["properties"]["note"] == "zq-secret"
    # Nothing of Ben, but for that an operator parted him from her phone; and nobody of those who worked on it.
    assert [act["subject"] for act in told["acts"] if act["act"] == "undone"]
    others = {name: value for name, value in told.items() if name != "acts"}
    assert "desk" not in json.dumps(others) and "ben" not in json.dumps(others) and "olga" not in json.dumps(told)
    with pytest.raises(UnknownPerson):
        export_person(uuid4())


def test_an_export_comes_in_pieces(living: LivingHarness) -> None:
    living.send(*(did(living, "zq-phone") for _ in range(1_250)))
    living.work()
    pieces = list(export_person(UUID(PHONE)))
    assert len(json.loads(b"".join(pieces))["events"]) == 1_250
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 2
