"""Whether Redis is whole: it has a mark, set once everything was in it, and lost with everything else."""

from profiles import keys
from profiles.clients import Client

NOT_WHOLE = "Redis is not whole: it has lost what it held, and is filled again from PostgreSQL"


def read_mark(client: Client) -> int:
    """The mark, 0 while there is none. May raise redis.RedisError."""
    return int(client.get(keys.WHOLE) or 0)
