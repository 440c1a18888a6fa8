"""How long the server takes for each page of the Studio, with a hundred thousand people and 500 definitions."""

import tempfile
from pathlib import Path
from typing import Any

from bench.archive import ask_child
from personalization.servers import Servers


def measure_studio() -> dict[str, Any]:
    """The median milliseconds of each page, the slowest first, beside those of a page that only says who asks
    (`baseline_ms`, one's own account), those of this process alone (`cpu_ms`, whatever else the machine does), and
    how often PostgreSQL is asked; the same of the `parts` that pages load once they are there."""
    with tempfile.TemporaryDirectory(prefix="bench-studio-") as folder:
        Path(folder).chmod(0o711)
        servers = Servers(Path(folder), durable=False)
        servers.start()
        try:
            return ask_child("bench.studio_pages", Path(folder))
        finally:
            servers.stop()
