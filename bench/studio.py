"""The pages of the Studio: how long the server takes for each, with a hundred thousand people and 500 definitions."""

import tempfile
from pathlib import Path
from typing import Any

from bench.archive import ask_child
from personalization.servers import Servers


def measure_studio() -> dict[str, Any]:
    """The median milliseconds of each page, the slowest first, beside those of a page that only says who asks
    (`baseline_ms`, one's own account); and how many there are, `pages`."""
    with tempfile.TemporaryDirectory(prefix="bench-studio-") as folder:
        Path(folder).chmod(0o711)
        servers = Servers(Path(folder), durable=False)
        servers.start()
        try:
            return ask_child("bench.studio_pages", Path(folder))
        finally:
            servers.stop()
