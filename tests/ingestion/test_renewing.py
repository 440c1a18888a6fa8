"""A stream that is written anew is the same to whoever reads it, and what was deleted from it is nowhere in Redis."""

from collections.abc import Iterator

import pytest

from ingestion.renewing import MOST_RECORDS, renew_streams
from profiles import keys
from profiles.clients import Client

LOG, ACCEPTED = keys.log(0), keys.accepted(0)


@pytest.fixture
def readable(redis_client: Client) -> Iterator[None]:
    """What is dumped can be searched."""
    redis_client.config_set("rdbcompression", "no")
    yield
    redis_client.config_set("rdbcompression", "yes")


@pytest.mark.usefixtures("readable")
def test_what_was_deleted_is_gone_and_all_else_is_as_it_was(redis_client: Client) -> None:
    ids = [redis_client.xadd(keys.REFUSED, {"sample": f"zq-{number}", "at": "1"}) for number in range(5)]
    redis_client.xdel(keys.REFUSED, ids[1], ids[4])
    assert b"zq-1" in redis_client.dump(keys.REFUSED), "Redis lets go of it by itself"
    entries, end = redis_client.xrange(keys.REFUSED), redis_client.xinfo_stream(keys.REFUSED)["last-generated-id"]
    assert end == ids[4]
    renew_streams(redis_client, partitions=1)
    renewed = redis_client.dump(keys.REFUSED)
    assert b"zq-1" not in renewed and b"zq-4" not in renewed and b"zq-2" in renewed
    assert redis_client.xrange(keys.REFUSED) == entries
    assert redis_client.xinfo_stream(keys.REFUSED)["last-generated-id"] == end


def test_an_empty_stream_keeps_its_end_and_a_long_one_is_left_alone(redis_client: Client) -> None:
    end = redis_client.xadd(ACCEPTED, {"r": "zq"})
    redis_client.xdel(ACCEPTED, end)
    for _ in range(MOST_RECORDS + 2):
        last = redis_client.xadd(LOG, {"r": "zq"})
    redis_client.xdel(LOG, last)
    renew_streams(redis_client, partitions=2)
    assert (redis_client.xlen(ACCEPTED), redis_client.xinfo_stream(ACCEPTED)["last-generated-id"]) == (0, end)
    assert (redis_client.xlen(LOG), redis_client.xinfo_stream(LOG)["last-generated-id"]) == (MOST_RECORDS + 1, last)
    assert not redis_client.exists(keys.log(1))
