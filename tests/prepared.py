"""A database as `prepare` makes it, made once in a test run and copied to its products: that is most of a start."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

from personalization.programs import write_private
from personalization.servers import CONFIG, Servers, embedded_settings

ROOT = Path(__file__).resolve().parent.parent


def lay_out(data: Path) -> bool:
    """Puts a database with all its tables into `data`, beside what is there; the ports are still to be chosen. False
    where `nobody`, as whom PostgreSQL runs for root, could not reach it."""
    made = _make()
    config = json.loads((made / CONFIG).read_text())
    if config["postgres_home"] is not None:
        return False
    data.mkdir(mode=0o711, exist_ok=True)
    subprocess.run(["cp", "-a", str(made / "postgres"), str(data)], check=True)  # it may belong to somebody else
    kept = ("database_password", "postgres_home")
    write_private(data / CONFIG, json.dumps({name: config[name] for name in kept}))
    return True


def make_tables(environment: dict[str, str]) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _make() -> Path:
    """The folder that all processes of the run copy from: whoever comes first makes it, and the others wait."""
    folder = Path(os.environ["PZ_TEST_SERVERS"]) / "prepared"
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            servers = Servers(folder, redis=False, durable=False)
            servers.start()
            try:
                make_tables({**os.environ, **embedded_settings(folder)})
            finally:
                servers.stop()
            (folder / "done").touch()
    return folder
