"""Says in one sentence whether PostgreSQL and Redis answer."""

from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from personalization.environment import MOST_PARTITIONS
from profiles import keys
from profiles.clients import Client


class Command(BaseCommand):
    help = "Checks that the servers named in DATABASE_URL and REDIS_URL answer and are new enough."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with psycopg.connect(settings.DATABASE_URL, connect_timeout=5) as connection:
                if connection.info.server_version < 150_000:
                    raise CommandError("PostgreSQL 15 or newer is needed.")
        except psycopg.Error as error:
            raise CommandError(
                f"PostgreSQL at {_place(settings.DATABASE_URL)} cannot be used ({_first_line(error)}); "
                "start it, mend DATABASE_URL, or leave it out to use the embedded one."
            ) from error
        client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=5, socket_timeout=5)
        try:
            _check_redis(client)
        except redis.RedisError as error:
            raise CommandError(
                f"Redis at {_place(settings.REDIS_URL)} cannot be used ({_first_line(error)}); "
                "start it, mend REDIS_URL, or leave it out to use the embedded one."
            ) from error
        finally:
            client.close()


def _check_redis(client: Client) -> None:
    info = client.info()
    if tuple(map(int, info["redis_version"].split(".")[:2])) < (6, 2):
        raise CommandError("Redis 6.2 or newer, or Valkey, is needed.")
    if info["maxmemory"] and info["maxmemory_policy"] != "noeviction":
        raise CommandError(
            f"Redis would forget people when its memory is full (maxmemory-policy {info['maxmemory_policy']}); "
            "set maxmemory-policy to noeviction."
        )
    left_out = range(settings.PZ_PARTITIONS, MOST_PARTITIONS)
    if left_out and client.exists(*map(keys.log, left_out), *map(keys.offset, left_out)):
        raise CommandError(
            f"PZ_PARTITIONS is {settings.PZ_PARTITIONS}, and Redis holds events of more partitions than that, "
            "which nobody would process; set it as it was."
        )


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"  # never the password


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
