"""Commands beside the embedded servers while the product does not run: they are started for as long as it takes."""

import os
import subprocess
import sys
from pathlib import Path

from personalization.backup.manifest import Refused
from personalization.backup.postgres import connect
from personalization.programs import CannotStart
from personalization.servers import Servers, embedded_settings

NAMED = ("DATABASE_URL", "REDIS_URL")


def are_ours() -> bool:
    """Whether one of the two servers is an embedded one."""
    return not all(os.environ.get(name, "").strip() for name in NAMED)


def run_beside_servers(data: Path) -> int:
    """Runs this same command again with the servers under `data`; its exit code. Raises Refused while the product
    runs."""
    named = {name: value for name in NAMED if (value := os.environ.get(name, "").strip())}
    servers = Servers(data, database="DATABASE_URL" not in named, redis="REDIS_URL" not in named)
    try:
        servers.start()
    except CannotStart as error:
        servers.stop()
        raise Refused(str(error)) from error
    try:
        settings = {**embedded_settings(data), **named}
        if own := os.environ.get("SECRET_KEY"):
            settings["SECRET_KEY"] = own
        return subprocess.run([sys.executable, *sys.argv], env={**os.environ, **settings}, check=False).returncode
    finally:
        servers.stop()


def do_answer() -> bool:
    """Whether PostgreSQL does, as the settings name it."""
    try:
        connect().close()
    except Refused:
        return False
    return True
