"""Publishing segments: how long until everybody has been asked, and they answer."""

import os
import tempfile
from pathlib import Path
from typing import Any

from bench.archive import ask_child
from personalization.servers import Servers

PEOPLE = (100_000, 1_000_000)


def measure_backfill() -> dict[str, Any]:
    """Seconds from publishing until the segment answers, and until nobody carries what it replaced; with one processor,
    one archiver and the builder on the machine's cores. BACKFILL_PEOPLE names another size."""
    sizes = [int(os.environ["BACKFILL_PEOPLE"])] if "BACKFILL_PEOPLE" in os.environ else PEOPLE
    return {f"{people:,} people": _measure(people) for people in sizes}


def _measure(people: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-backfill-") as folder:
        Path(folder).chmod(0o711)
        servers = Servers(Path(folder), durable=False)
        servers.start()
        try:
            return ask_child("bench.backfill_run", Path(folder), BACKFILL_PEOPLE=str(people))
        finally:
            servers.stop()
