"""What a backup says of itself: what it was made of and by which version, and the digest of each of its parts."""

import getpass
import hashlib
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from django.utils.crypto import salted_hmac

FORMAT = 1
MANIFEST, DATABASE, REDIS, MEDIA = "manifest.json", "database.dump", "redis.zst", "media.tar"
PARTS = (DATABASE, REDIS, MEDIA)
SALT = "personalization.backup"
READ_AT_ONCE = 1 << 20


class Refused(Exception):
    """One sentence on why nothing is backed up, or restored, and what to do."""


class Part(msgspec.Struct, frozen=True):
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`made` is the moment it holds. `postgresql` and `program` are the major versions of the server and of pg_dump.
    `key` tells the SECRET_KEY it was made under from others, and nothing else of it. `migrations` are those applied,
    `counts` rows and records."""

    format: int
    product: str
    made: datetime
    postgresql: int
    program: int
    partitions: int
    key: str
    migrations: list[str]
    counts: dict[str, int]
    parts: dict[str, Part]


class _Format(msgspec.Struct):
    format: int


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    with (folder / MANIFEST).open("xb") as file:
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Raises Refused for what is no backup, or one of a format that is not known here."""
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise Refused(f"{folder} is no backup: {MANIFEST} cannot be read ({error.strerror}).") from error
    try:
        format = msgspec.json.decode(text, type=_Format).format
        if format > FORMAT:
            raise Refused(f"{folder} has format {format}, and only {FORMAT} is known here: use a newer version.")
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{folder}/{MANIFEST} is damaged: take another backup.") from error


def check_parts(folder: Path, parts: Mapping[str, Part]) -> None:
    """Raises Refused unless every part is there, and is what was written."""
    for name in PARTS:
        try:
            found = measure_part(folder / name)
        except OSError as error:
            raise Refused(f"{folder}/{name} cannot be read ({error.strerror}): take another backup.") from error
        if found != parts.get(name):
            raise Refused(f"{folder}/{name} is damaged: take another backup.")


def measure_part(path: Path) -> Part:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(READ_AT_ONCE):
            digest.update(piece)
            size += len(piece)
        os.fsync(file.fileno())
    return Part(size, digest.hexdigest())


def name_key() -> str:
    """By which a backup knows its SECRET_KEY again."""
    return salted_hmac(SALT, "key", algorithm="sha256").hexdigest()[:16]


def name_user() -> str:
    """Who runs the command, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container need not know its user
        return str(os.getuid())
