"""Commands beside the embedded servers while the product does not run: they are started for as long as it takes."""

import os
import subprocess
import sys
from pathlib import Path

from personalization.backup.manifest import Refused
from personalization.backup.postgres import connect
from personalization.environment import read_text
from personalization.programs import CannotStart
from personalization.servers import Servers, embedded_settings


def are_ours() -> bool:
    """Whether one of the two servers is an embedded one."""
    return not (read_text("DATABASE_URL", "") and read_text("REDIS_URL", ""))


def run_beside_servers(data: Path) -> int:
    """Runs this same command again with the servers under `data`; its exit code. Raises Refused while the product
    runs."""
    named = {"DATABASE_URL": read_text("DATABASE_URL", ""), "REDIS_URL": read_text("REDIS_URL", "")}
    named = {name: url for name, url in named.items() if url}
    servers = Servers(data, database="DATABASE_URL" not in named, redis="REDIS_URL" not in named)
    try:
        servers.start()
        said = {**embedded_settings(data), **named}
        said["SECRET_KEY"] = read_text("SECRET_KEY", said["SECRET_KEY"])
        return subprocess.run([sys.executable, *sys.argv], env={**os.environ, **said}, check=False).returncode
    except CannotStart as error:
        raise Refused(str(error)) from error
    finally:
        servers.stop()


def do_answer() -> bool:
    """Whether PostgreSQL does, as the settings name it."""
    try:
        connect().close()
    except Refused:
        return False
    return True
