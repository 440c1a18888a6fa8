"""The archive's evaluator: conditions counted over five million events of a hundred thousand people."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.servers import ROOT
from personalization.servers import Servers, embedded_settings


def measure_archive() -> dict[str, Any]:
    """Seconds of an exact count of everybody and of each node, the best and the worst of a few rounds, after VACUUM;
    of a sample as a preview takes it; and beside them of a plain count of all the events."""
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as folder:
        Path(folder).chmod(0o711)
        servers = Servers(Path(folder), redis=False, durable=False)
        servers.start()
        try:
            return ask_child("bench.archive_questions", Path(folder))
        finally:
            servers.stop()


def ask_child(module: str, folder: Path, **more: str) -> dict[str, Any]:
    """What a program prints that has Django set up with the servers of `folder`."""
    surroundings = {
        **os.environ,
        "REDIS_URL": "redis://127.0.0.1:1/0",  # unless the folder has one
        **embedded_settings(folder),
        "DJANGO_SETTINGS_MODULE": "personalization.settings",
        **more,
    }
    told = subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, check=True
    )
    result: dict[str, Any] = json.loads(told.stdout)
    return result
