"""Starting other programs so that none outlives us, none hears Ctrl-C, and none is root that refuses to be."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

NOBODY = "nobody"


class CannotStart(Exception):
    """One clear sentence on why the product cannot start, and what to do."""


def start_program(
    command: Sequence[str],
    *,
    ended_by: str = "TERM",
    as_nobody: bool = False,
    held: int | None = None,
    output: int | IO[bytes] = subprocess.DEVNULL,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Starts `command` in a session of its own, so that Ctrl-C reaches us alone. The kernel sends it the signal
    `ended_by` when we die without a word; `held` is a descriptor it keeps open for as long as it lives."""
    return subprocess.Popen(
        [*_as(as_nobody, ended_by), *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=() if held is None else (held,),
    )


def run_as_nobody(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Runs `command` to its end, as `nobody` when we are root; its output is in `stdout`."""
    return subprocess.run(
        [*_as(os.geteuid() == 0, "TERM"), *command],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        check=False,
    )


def can_drop_root() -> bool:
    """Whether a program can be started as `nobody`: by a normal user there is no need to."""
    return os.geteuid() != 0 or shutil.which("setpriv") is not None


def _as(nobody: bool, ended_by: str) -> list[str]:
    if shutil.which("setpriv") is None:
        return []
    group = ["--reuid", NOBODY, "--regid", "nogroup", "--clear-groups"] if nobody and os.geteuid() == 0 else []
    return ["setpriv", *group, "--pdeathsig", ended_by, "--"]


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def open_log(path: Path) -> IO[bytes]:
    """A log to append to that only its owner can read: it may quote what was asked of the program."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
