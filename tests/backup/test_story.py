"""A running product is backed up under traffic, and begins on another machine where it was."""

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from profiles import keys
from profiles.event import derive_profile_id
from tests.faults.sizes import SEED, sized
from tests.faults.traffic import NAME, Traffic
from tests.faults.truth import check_delivery, settle
from tests.product import Product, open_folder
from tests.stories.inside import Inside


def profile_of(person: str) -> str:
    return derive_profile_id(f"a:{person}")


@pytest.mark.story
def test_a_backup_under_traffic_begins_elsewhere(running_product: Product) -> None:
    inside = Inside(running_product)
    quiet = Traffic(running_product.url, inside.write_key, seed=SEED, people=20, each=5)
    with quiet:
        pass
    settle(inside)
    before = {id: inside.redis.get(keys.profile(id)) for id in map(profile_of, quiet.names())}
    busy = Traffic(
        running_product.url, inside.write_key, seed=SEED + 1, people=40, each=sized(40, 500), pause=0.15, round=1
    )
    with open_folder() as place:
        with busy:
            busy.wait_until_done(0.3)
            acknowledged = busy.journal.acknowledged.keys() | quiet.journal.acknowledged.keys()
            made = running_product.manage("backup", str(place / "backup"))
        assert made.returncode == 0, made.stderr
        refused = running_product.manage("restore", str(place / "backup"))
        assert refused.returncode == 1 and "already runs" in refused.stderr

        move_key(running_product.data, place / "data")
        elsewhere = Product(place / "data", PZ_VISITOR_CALLS="0", PZ_DEMO="0")
        put = elsewhere.manage("restore", str(place / "backup"))
        assert put.returncode == 0, put.stderr
        shutil.rmtree(place / "backup")
        with elsewhere:
            begin_again(elsewhere, before, quiet, busy, acknowledged)


def move_key(source: Path, target: Path) -> None:
    """What is to be kept beside backups."""
    target.mkdir(mode=0o711)
    kept = json.loads((source / "servers.json").read_text())
    (target / "servers.json").write_text(json.dumps({"secret_key": kept["secret_key"]}))


def begin_again(
    product: Product, before: dict[str, Any], quiet: Traffic, busy: Traffic, acknowledged: set[str]
) -> None:
    inside = Inside(product)
    settle(inside)
    assert {id: inside.redis.get(keys.profile(id)) for id in before} == before
    archived = dict(
        inside.ask("SELECT message_id, count(*) FROM profiles_archivedevent WHERE name = %s GROUP BY message_id", NAME)
    )
    assert set(archived.values()) == {1}
    assert not acknowledged - archived.keys()
    ids = list(map(profile_of, [*quiet.names(), *busy.names()]))
    hot = {id: state for id in ids if (state := inside.redis.get(keys.profile(id)))}
    durable = inside.ask("SELECT id, state FROM profiles_storedprofile WHERE id = ANY(%s)", list(map(UUID, ids)))
    assert {id.hex: state for id, state in durable} == hot
    for former in quiet, busy:  # clients that were told to send everything again
        again = Traffic(product.url, inside.write_key, seed=former.seed, people=former.people, each=former.each)
        again.story, again.round = former.story, former.round
        with again:
            pass
        assert again.journal.acknowledged.keys() == former.journal.acknowledged.keys()
        settle(inside)
        check_delivery(inside, again.journal, former.names(), ordered=False)
    assert {id: inside.redis.get(keys.profile(id)) for id in before} == before
