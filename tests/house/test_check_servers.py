"""What is wrong with a Redis that answers is said before the product starts on it."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from personalization.management.commands.check_servers import _check_redis
from profiles import keys
from profiles.clients import Client

Key = Callable[[int], str]


class Pretender:
    """A Redis whose INFO says something else."""

    def __init__(self, client: Client, **said: object) -> None:
        self._client, self._said = client, said

    def info(self) -> dict[str, object]:
        return {**self._client.info(), **self._said}

    def exists(self, *names: str) -> int:
        return int(self._client.exists(*names))


def test_the_servers_of_this_run_are_fine(redis_client: Client) -> None:
    call_command("check_servers")
    _check_redis(Pretender(redis_client, maxmemory=10**9, maxmemory_policy="noeviction"))


def test_a_redis_that_would_forget_people_is_refused(redis_client: Client) -> None:
    with pytest.raises(CommandError, match="noeviction"):
        _check_redis(Pretender(redis_client, maxmemory=10**9, maxmemory_policy="allkeys-lru"))


def test_an_old_redis_is_refused(redis_client: Client) -> None:
    with pytest.raises(CommandError, match=r"6\.2"):
        _check_redis(Pretender(redis_client, redis_version="6.0.16"))


@pytest.mark.parametrize("key", [keys.log, keys.offset])
def test_partitions_that_would_be_left_out_are_not(redis_client: Client, settings: Settings, key: Key) -> None:
    redis_client.set(key(7), "1-0")
    call_command("check_servers")
    settings.PZ_PARTITIONS = 7
    with pytest.raises(CommandError, match="PZ_PARTITIONS is 7"):
        call_command("check_servers")
