"""Windows that end by themselves: how late membership follows, with a hundred thousand people waiting."""

import random
import time
from typing import Any

import msgspec

from bench.people import roster
from bench.servers import client, own_redis, processor
from ingestion.accepted import SegmentLeft, unpack
from ingestion.directory import Directory
from ingestion.log_redis import FIELD
from personalization.snapshot import announce
from profiles import keys
from profiles.event import anonymous_key, derive_profile_id, partition_of
from profiles.profile import History, Moment, Profile, pack

PARTITIONS = 8  # as in the settings
PEOPLE = 100_000
ENDING = 20_000  # of them while it is measured
WAIT_S, SPAN_S = 10.0, 20.0  # until the first one, and over how long they end
WINDOW_MS = 3_600_000
KEEN = {"v": 1, "root": {"id": "v", "kind": "event", "event": "Product Viewed", "window": {"last": 1, "unit": "hours"}}}


def measure_timers() -> dict[str, Any]:
    """Milliseconds from the moment a window ends until the commit that says so: quantiles of ENDING people."""
    with own_redis() as url:
        connection = client(url)
        announce(connection, keys.DIRECTORY, 1, msgspec.json.encode(Directory(number=1)))
        announce(connection, keys.ROSTER, 1, msgspec.json.encode(roster({"keen": KEEN})))
        ends = _make_people(connection)
        with processor(url):
            time.sleep(max(0.0, max(ends.values()) / 1000 - time.time()) + 3)
        late = sorted(at - ends[id] for id, at in _read_ends(connection).items())
    if len(late) != ENDING:
        raise RuntimeError(f"{len(late)} of {ENDING} windows ended")
    return {
        "p50_ms": late[len(late) // 2],
        "p99_ms": late[int(len(late) * 0.99)],
        "max_ms": late[-1],
        "pending": PEOPLE,
        "per_second": round(ENDING / SPAN_S),
    }


def _make_people(connection: Any) -> dict[str, int]:
    """Everybody is in the segment, and leaves it within the hour: ENDING of them while it is measured, and when."""
    chance = random.Random(1)
    begin = time.time_ns() // 1_000_000 + int(WAIT_S * 1000)
    ends = {}
    pipeline = connection.pipeline(transaction=False)
    for number in range(PEOPLE):
        id = derive_profile_id(anonymous_key(f"visitor-{number}"))
        if number < ENDING:
            end = ends[id] = begin + chance.randrange(int(SPAN_S * 1000))
        else:
            end = begin + chance.randrange(600_000, 3_000_000)
        viewed = end - WINDOW_MS - 1
        person = Profile(
            id=id,
            first_seen=viewed,
            last_seen=viewed,
            events={"Product Viewed": History(1, 0, viewed, viewed, [Moment(viewed, 0.0, {})])},
            segments={"keen@1": viewed},
        )
        pipeline.set(keys.profile(id), pack(person))
        pipeline.zadd(keys.timers(partition_of(id, PARTITIONS)), {id: end})
        if number % 5_000 == 4_999:
            pipeline.execute()
    return ends


def _read_ends(connection: Any) -> dict[str, int]:
    found = {}
    for partition in range(PARTITIONS):
        for _, fields in connection.xrange(keys.accepted(partition)):
            record = unpack(fields[FIELD])
            if isinstance(record, SegmentLeft):
                found[record.profile] = record.at
    return found
