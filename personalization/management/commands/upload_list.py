"""Puts the people of a file into a list."""

from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from tqdm import tqdm

from segments.lists import NobodyIn, store_upload
from segments.models import Segment, Upload
from segments.standing import count_rows, say_left_out, say_when
from segments.upload_lines import BadUpload

SHOWN = 20  # bad rows


class Command(BaseCommand):
    help = "Puts the people of a file into a list: all of them, or none and the reason why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="of a segment that is a list")
        parser.add_argument("file", type=Path, help="CSV or one id in each line, plain or packed with gzip")
        parser.add_argument("--column", default="", help="the name of the column or, without a header, its number")
        parser.add_argument("--ids", default="", choices=Upload.Ids.values, help="what its ids are")
        parser.add_argument("--replace", action="store_true", help="whoever is not in the file leaves the list")

    def handle(self, *args: Any, **options: Any) -> None:
        segment = Segment.objects.filter(slug=options["slug"]).first()
        if segment is None:
            raise CommandError(f"there is no segment {options['slug']!r}; make it in the admin, as an uploaded list")
        if segment.kind != Segment.Kind.LIST:
            raise CommandError(f"{options['slug']} is no uploaded list, but of the kind {segment.kind}")
        try:
            upload = self._upload(segment, options)
        except NobodyIn as error:
            self._list(error.problems)
            raise CommandError(str(error)) from error
        except (BadUpload, OSError) as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"PostgreSQL is away ({type(error).__name__}); nothing was changed") from error
        except KeyboardInterrupt:
            raise CommandError("stopped; nothing was changed") from None
        self.stdout.write(f"{count_rows(upload)}. {say_when(upload)}")
        if upload.refused:
            self.stdout.write(f"{say_left_out(upload)}:")
            self._list([(each["line"], each["said"], each["why"]) for each in upload.problems])

    def _upload(self, segment: Segment, options: dict[str, Any]) -> Upload:
        path: Path = options["file"]
        with path.open("rb") as file, tqdm(total=path.stat().st_size, unit="B", unit_scale=True, disable=None) as bar:
            return store_upload(
                segment,
                cast("IO[bytes]", Watched(file, bar)),
                name=str(path).encode(errors="replace").decode(),
                column=options["column"],
                ids=options["ids"],
                replaces=options["replace"],
                most=settings.PZ_MAX_LIST_BYTES,
                by=None,
                at=timezone.now(),
            )

    def _list(self, problems: Any) -> None:
        for line, said, why in problems[:SHOWN]:
            self.stdout.write(f"  line {line:,}: {why}" + (f": {said}" if said else ""))


class Watched:
    """A file that tells a progress bar how far it has been read."""

    def __init__(self, file: IO[bytes], bar: Any) -> None:
        self._file, self._bar = file, bar

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._tell()
        return content

    def seek(self, *place: int) -> int:
        at = self._file.seek(*place)
        self._tell()
        return at

    def _tell(self) -> None:
        self._bar.update(self._file.tell() - self._bar.n)
