"""When keys and clients were last used: noted by the doors in Redis, copied to PostgreSQL from time to time."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion.models import OAuthClient, SecretKey
from profiles import keys
from profiles.clients import Client

NOTED_MS = 60_000  # between two notes of one key by one process
KEY, CLIENT = "s", "o"  # what the names of secret keys and OAuth clients begin with


def name_key(id: int) -> str:
    """The name of a secret key where uses and calls are counted."""
    return f"{KEY}:{id}"


def name_client(id: int) -> str:
    """The same for an OAuth client."""
    return f"{CLIENT}:{id}"


class Uses:
    """What one process has to note: each key once a minute, however often it is used. `clock` gives Unix ms."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._noted: dict[str, int] = {}
        self._due: dict[str, int] = {}

    def note(self, name: str) -> None:
        """A key was used. Costs nothing but memory, and of that no more than there are keys."""
        now = self._clock()
        if now - self._noted.get(name, -NOTED_MS) >= NOTED_MS:
            self._noted[name] = self._due[name] = now

    def take_due(self) -> Mapping[str, int]:
        """What is to be written to `pz:used` now."""
        if not self._due:
            return {}
        due, self._due = self._due, {}
        return due


def copy_uses(client: Client) -> int:
    """Copies what the doors have noted; names that nobody has any more leave Redis. Returns how many rows changed."""
    noted = {
        name.decode(): datetime.fromtimestamp(int(at) / 1000, UTC) for name, at in client.hgetall(keys.USED).items()
    }
    changed, known = 0, set[str]()
    for rows in (_name(KEY, SecretKey, noted), _name(CLIENT, OAuthClient, noted)):
        known |= rows.keys()
        late = [
            (row, noted[name]) for name, row in rows.items() if row.last_used is None or row.last_used < noted[name]
        ]
        for row, at in late:
            row.last_used = at
            row.save(update_fields=["last_used"])
        changed += len(late)
    if gone := noted.keys() - known:
        client.hdel(keys.USED, *gone)
    return changed


def _name(kind: str, model: Any, names: Iterable[str]) -> dict[str, Any]:
    """The rows that are named, by their names."""
    ids = [id for prefix, _, id in (name.partition(":") for name in names) if prefix == kind and id.isdigit()]
    return {f"{kind}:{row.pk}": row for row in model.objects.filter(pk__in=ids)}
