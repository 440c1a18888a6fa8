"""Writes everything that is known of a person, as one JSON document."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from personalization.people import UnknownPerson, export_person, find_person
from profiles.store import StoreUnavailable


class Command(BaseCommand):
    help = "Writes everything that is known of a person, as one JSON document."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="u: and a user id, a: and an anonymous id, or the id of a profile")
        parser.add_argument("--to", metavar="FILE", help="a new file, for its owner alone; else standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pieces = export_person(find_person(options["person"]))
        except UnknownPerson as error:
            raise CommandError(str(error)) from error
        except StoreUnavailable as error:
            raise CommandError(f"{error}: try again once Redis is back") from error
        with _open(options["to"]) as file:
            for piece in pieces:
                file.write(piece)
            file.write(b"\n")


def _open(name: str | None) -> IO[bytes]:
    if name is None:
        return os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    try:
        return os.fdopen(os.open(Path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise CommandError(f"cannot write {name}: {error.strerror}") from error
