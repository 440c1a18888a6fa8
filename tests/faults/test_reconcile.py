"""A reconciliation of the running product, killed and begun again, while others send: what was corrupted is mended, and
every event that was acknowledged counts once."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from profiles import keys
from profiles.event import anonymous_key, derive_profile_id, partition_of
from profiles.profile import pack, unpack
from tests.faults.sizes import SEED, sized
from tests.faults.traffic import NAME, Traffic
from tests.faults.truth import check_delivery
from tests.product import ROOT, Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

PARTITIONS = 8


def find_ids(people: Iterable[str]) -> list[str]:
    """Nobody of them was ever linked to anything."""
    return [derive_profile_id(anonymous_key(each)) for each in people]


def spoil(inside: Inside, ids: list[str]) -> None:
    """One of four is lost, one miscounts, one has forgotten half of it, and of one the durable copy is gone."""
    for number, id in enumerate(ids):
        if number % 4 == 3:
            inside.ask("DELETE FROM profiles_storedprofile WHERE id = %s RETURNING 1", UUID(id))
            continue
        name = keys.profile(id)
        state: Any = inside.redis.get(name)
        profile = unpack(state)
        history = profile.events[NAME]
        if number % 4 == 0:
            inside.redis.delete(name)
            inside.redis.zrem(keys.timers(partition_of(id, PARTITIONS)), id)
            continue
        wrong = replace(history, count=history.count + 2) if number % 4 == 1 else replace(history, total=0)
        inside.redis.set(name, pack(replace(profile, events={**profile.events, NAME: wrong})))


@contextmanager
def reconciling(product: Product) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "manage.py", "reconcile", "--pace", "2000"]
    with subprocess.Popen(
        command, cwd=ROOT, env=product.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.timeout(300)
def test_what_was_corrupted_is_mended_while_others_send(running_product: Product) -> None:
    inside = Inside(running_product)
    before = Traffic(running_product.url, inside.write_key, seed=SEED + 40, people=sized(300, 5_000), each=4)
    with before:
        pass
    wait_until(inside.is_idle, PATIENCE_S)
    spoiled = find_ids(random.Random(SEED).sample(before.names(), before.people // 25))
    spoil(inside, spoiled)

    others = Traffic(
        running_product.url, inside.write_key, seed=SEED + 41, people=50, each=sized(40, 2_000), pause=0.05
    )
    with others:
        with reconciling(running_product) as killed:
            wait_until(
                lambda: inside.ask("SELECT 1 FROM profiles_drift WHERE profile_id = ANY(%s::uuid[])", spoiled), 150
            )
            killed.send_signal(signal.SIGKILL)
        with reconciling(running_product) as process:
            said, _ = process.communicate(timeout=200)
    assert process.returncode == 0, said

    wait_until(inside.is_idle, PATIENCE_S)
    for traffic in (before, others):
        check_delivery(inside, traffic.journal, traffic.names())
    [(copies,)] = inside.ask(
        "SELECT count(*) FROM profiles_storedprofile WHERE id = ANY(%s::uuid[])", [*map(UUID, spoiled)]
    )
    assert copies == len(spoiled)
    mended = inside.ask(
        "SELECT profile_id, mended IS NOT NULL FROM profiles_drift WHERE profile_id = ANY(%s::uuid[])", spoiled
    )
    assert {id.hex: is_mended for id, is_mended in mended} == dict.fromkeys(spoiled, True)
    ours = find_ids([*before.names(), *others.names()])
    asked = "SELECT profile_id FROM profiles_drift WHERE profile_id = ANY(%s::uuid[])"
    assert {id.hex for (id,) in inside.ask(asked, ours)} == set(spoiled)
