"""Small disks of their own for what is to run out of space; made in memory, which only root may do."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[Path]:
    """`folder` as a disk of that size; skips the test where none can be mounted."""
    folder.mkdir(mode=0o711, exist_ok=True)
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("a full disk needs a disk that can be filled: only root can mount one")
    options = f"size={mebibytes}m,mode=711"
    made = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True)
    if made.returncode != 0:
        pytest.skip(f"a full disk needs a disk that can be filled: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """The disk that `folder` is on has no space left."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            for size in (2**20, 2**12):  # the last blocks too
                fill(file.fileno(), size)
        yield
    finally:
        ballast.unlink()


def fill(descriptor: int, size: int) -> None:
    """Writes as long as a whole piece of `size` bytes fits."""
    try:
        while os.write(descriptor, b"\0" * size) == size:
            pass
    except OSError:
        pass
