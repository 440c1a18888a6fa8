"""The Redis clients as this product uses them."""

from typing import Any

# redis-py's own hints allow text wherever our clients (decode_responses off) answer bytes, on every command.
Client = Any  # redis.Redis
AsyncClient = Any  # redis.asyncio.Redis
