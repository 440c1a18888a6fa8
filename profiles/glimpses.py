"""What pages keep of people for moments, in Django's cache: each is noted, so that an erasure finds them all, whoever
it is that they show."""

import time
from typing import Any

from django.core.cache import cache

from profiles import keys
from profiles.clients import Client


def keep_glimpse(client: Client, name: str, value: Any, *, seconds: int) -> None:
    """Keeps it under `name` for so long, unless somebody is erased meanwhile. `cache.get(name)` reads it."""
    now = time.time()
    noted = client.pipeline(transaction=False)  # before it is kept: nothing may be there that is not noted
    noted.zremrangebyscore(keys.GLIMPSES, "-inf", now)
    noted.zadd(keys.GLIMPSES, {name: now + seconds})
    noted.execute()
    cache.set(name, value, seconds)


def forget_glimpses(client: Client) -> None:
    """Removes all there are: pages make them again."""
    names = client.zrange(keys.GLIMPSES, 0, -1)
    if names:
        cache.delete_many([name.decode() for name in names])
        client.zrem(keys.GLIMPSES, *names)
