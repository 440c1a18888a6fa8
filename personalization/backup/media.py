"""The images of blocks in a backup: a tar, read and written file by file."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from personalization.backup.manifest import Refused


class Images:
    """The images taken so far. Each is named by what is in it: a name that was taken need not be looked at again."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._taken: set[str] = set()

    @property
    def count(self) -> int:
        return len(self._taken)

    def take(self) -> None:
        """Takes what is there now. One that is removed on the way is of no use to anybody."""
        folder = Path(settings.MEDIA_ROOT)
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            if path.is_file() and path.name not in self._taken:
                with suppress(FileNotFoundError):
                    self._tar.add(path, path.name, recursive=False)
                    self._taken.add(path.name)


@contextmanager
def write_images(path: Path) -> Iterator[Images]:
    with tarfile.open(path, "x") as tar:
        yield Images(tar)


def put_images(path: Path) -> int:
    """Puts them where images are, and leaves others there alone. Returns how many."""
    folder = Path(settings.MEDIA_ROOT)
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile():
                    member.mode = 0o644
                    tar.extract(member, folder, filter="data")
                    count += 1
    except (OSError, tarfile.TarError) as error:
        raise Refused(f"The images cannot be put into {folder} ({type(error).__name__}).") from error
    return count
