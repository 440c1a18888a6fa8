"""The processor alone: events per second from log to committed profile, and bytes of Redis per profile."""

import time
from typing import Any

from bench.people import definitions, events, profile
from bench.servers import client, own_redis
from ingestion.leases import RedisLeases
from ingestion.log_redis import RedisLog
from ingestion.processor import Processor
from profiles import keys
from profiles.event import anonymous_key, derive_profile_id, pack, partition_of
from profiles.profile import pack as pack_profile
from profiles.store_redis import RedisStore

PARTITIONS = 8
EVENTS = 40_000
PEOPLE = 4_000
SEGMENTS = 100
DAY_MS = 86_400_000


def measure_processor(rounds: int = 3) -> dict[str, Any]:
    """Events per second of one processor process; the median of `rounds`, each on an empty server."""
    rates = sorted(round(_one_round(seed)) for seed in range(rounds))
    return {"events_per_second": rates[len(rates) // 2], "rounds": rates, "segments": SEGMENTS, "people": PEOPLE}


def _one_round(seed: int) -> float:
    with own_redis() as url:
        connection = client(url)
        log = RedisLog(connection)
        batches: dict[int, list[bytes]] = {}
        for event in events(EVENTS, PEOPLE, seed):
            id = derive_profile_id(anonymous_key(event.anonymous_id or ""))
            batches.setdefault(partition_of(id, PARTITIONS), []).append(pack(event))
        for partition, records in batches.items():
            for start in range(0, len(records), 1_000):
                log.append({partition: records[start : start + 1_000]})
        in_force = definitions(SEGMENTS)
        processor = Processor(
            log=log,
            store=RedisStore(connection, DAY_MS),
            leases=RedisLeases(connection, owner="bench", partitions=PARTITIONS, clock=_clock),
            definitions=lambda **_: in_force,
            clock=_clock,
            partitions=PARTITIONS,
        )
        started = time.perf_counter()
        taken = processor.drain(range(PARTITIONS))
        elapsed = time.perf_counter() - started
        if taken != EVENTS:
            raise RuntimeError(f"{taken} of {EVENTS} events were processed")
        return taken / elapsed


def measure_memory(count: int = 2_000) -> dict[str, Any]:
    """Bytes of Redis memory per profile, key and overhead included, measured over `count` profiles of each size."""
    found: dict[str, Any] = {}
    for name, size in (("idle", 3), ("200_events", 200)):
        with own_redis() as url:
            connection = client(url)
            before = connection.info("memory")["used_memory"]
            pipeline = connection.pipeline(transaction=False)
            for number in range(count):
                lived = profile(f"0b5f3c2e-7d1a-4a7e-9c1b-{number:012d}", size, seed=number)
                pipeline.set(keys.profile(lived.id), pack_profile(lived))
            pipeline.execute()
            found[f"bytes_{name}"] = round((connection.info("memory")["used_memory"] - before) / count)
    return found


def _clock() -> int:
    return time.time_ns() // 1_000_000
