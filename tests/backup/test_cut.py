"""The moment of Redis is one moment, whatever happens between two looks at it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from ingestion.archiving import moment
from ingestion.models import ArchiveOffset
from personalization.backup.cut import Cut
from personalization.backup.frames import Frame
from personalization.backup.manifest import Refused
from personalization.backup.putting import clear_redis, put_frames
from personalization.people import request_erasure
from personalization.rebuilding import rebuild
from profiles import keys
from profiles.event import derive_profile_id, partition_of
from tests.backup.safe import Safe
from tests.faults.town import Town

CARL, BEN, LAPTOP = (derive_profile_id(f"a:{who}") for who in ("carl", "ben", "laptop"))
HOME = partition_of(CARL, 4)
Act = Callable[[Town], object]


class Meddled:
    """The town's Redis, in which something happens just before the transactions with these numbers."""

    def __init__(self, town: Town, acts: dict[int, Act]) -> None:
        self._town = town
        self._acts = acts
        self.transactions = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._town.client, name)

    def pipeline(self, transaction: bool) -> Any:
        if transaction:
            self.transactions += 1
            if (act := self._acts.pop(self.transactions, None)) is not None:
                act(self._town)
        return self._town.client.pipeline(transaction=transaction)


def drain(town: Town) -> None:
    town.run()


def send_of(*people: str) -> Act:
    def act(town: Town) -> None:
        town.send(*(town.event(anonymous_id=who) for who in people))
        town.run()

    return act


def retire(town: Town) -> None:
    """What was prepared: Carl becomes a part of Anna, who lives elsewhere."""
    town.processor.drain([HOME])


ACTS: dict[str, tuple[dict[int, Act], int]] = {
    "nothing": ({}, 2),
    "he does something": ({2: send_of("carl")}, 2),
    "somebody else does": ({2: send_of("ben")}, 2),
    "both do": ({2: send_of("carl", "ben")}, 3),
    "both do, again and again": ({2: send_of("carl", "ben"), 3: send_of("carl", "ben", "new")}, 4),
    "before the first look": ({1: send_of("carl", "ben")}, 2),
    "he becomes a part of somebody": ({2: retire}, 2),
    "all of it": ({2: send_of("ben", "carl"), 3: retire, 4: drain}, 3),
    "he is erased": ({2: drain}, 2),
}


@pytest.mark.parametrize("what", ACTS)
def test_what_happens_between_two_looks(rewinding: Safe, what: str) -> None:
    town = rewinding.town
    town.send(town.event(anonymous_id="carl"), town.event(anonymous_id="laptop", user_id="anna"))
    rewinding.settle()
    town.send(town.event(anonymous_id="carl"))
    town.run()  # and it is not archived
    if what == "he is erased":
        request_erasure(UUID(CARL), by="olga", at=moment(town.now))
    else:
        town.send(town.event(type="identify", name="Identified", anonymous_id="carl", user_id="anna"))
        town.processor.drain([partition_of(LAPTOP, 4)])
    acts, least = ACTS[what]
    client, frames, then = Meddled(town, dict(acts)), list[Frame](), transaction.savepoint()
    take(client, frames)
    assert client.transactions >= least
    rewinding.settle()
    everything = rewinding.people()

    transaction.savepoint_rollback(then)
    clear_redis(town.client)
    put_frames(town.client, frames, partitions=4)
    rebuild(town.client, clock=lambda: town.now)
    rewinding.go_on()
    town.send_again()
    rewinding.settle()
    assert rewinding.people() == everything


def take(client: Any, frames: list[Frame]) -> None:
    Cut(client, frames.append, dict(ArchiveOffset.objects.values_list("stream", "offset"))).take()


def test_people_who_never_hold_still(rewinding: Safe) -> None:
    """Somebody new at every look, and those before at the next one too: it gives up instead of mixing moments."""
    town = rewinding.town
    town.send(town.event(anonymous_id="0"))
    town.run()
    acts: dict[int, Act] = {number: send_of(str(number), str(number - 1)) for number in range(1, 999)}
    with pytest.raises(Refused, match="People changed at every look"):
        take(Meddled(town, acts), [])


def test_a_redis_that_loses_its_mark_on_the_way(rewinding: Safe) -> None:
    town = rewinding.town
    town.send(town.event(anonymous_id="carl"))
    town.run()
    with pytest.raises(Refused, match="not whole"):
        take(Meddled(town, {2: lambda town: town.client.delete(keys.WHOLE)}), [])
