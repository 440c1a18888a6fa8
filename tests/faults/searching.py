"""Looks for markers wherever a product keeps anything: tables and catalogues, keys of Redis, files, output."""

from collections import defaultdict
from pathlib import Path

import psycopg
import redis

from tests.archive.scanning import read_values
from tests.faults.markers import Mark, Markers
from tests.product import Product

Found = dict[str, set[Mark]]  # by place

# Whatever has rows, system catalogues and materialised views among them; a partition is a table of its own.
_RELATIONS = "SELECT oid::regclass::text, relkind FROM pg_class WHERE relkind IN ('r', 'm') ORDER BY 1"


def search_tables(product: Product, markers: Markers) -> Found:
    """By table. What it keeps of long values elsewhere is read with its rows."""
    found: Found = {}
    with psycopg.connect(product.settings["DATABASE_URL"]) as connection:
        relations = connection.execute(_RELATIONS).fetchall()
        assert len(relations) > 100, "the catalogues were not seen"
        for name, _ in relations:
            with connection.cursor().copy(f"COPY (SELECT t::text FROM {name} AS t) TO STDOUT".encode()) as rows:
                found[name] = markers.find(b"".join(bytes(row) for row in rows))
    return _keep_hits(found)


def search_redis(product: Product, markers: Markers) -> Found:
    """By kind of key, of every database; what Redis itself remembers of commands is one too."""
    url = product.settings["REDIS_URL"]
    found: defaultdict[str, set[Mark]] = defaultdict(set)
    client = redis.Redis.from_url(url)
    for database in client.info("keyspace"):
        inner = redis.Redis.from_url(url, db=int(str(database).removeprefix("db")))
        for name in inner.scan_iter("*", count=1_000):
            for value in (name, *read_values(inner, name)):
                found[_kind(name)] |= markers.find(value)
    return _keep_hits(found)


def search_files(product: Product, markers: Markers, *more: Path) -> Found:
    """By file: everything in the product's folder but the servers' own files, what it has said, and `more` folders."""
    servers = [product.data / name for name in ("postgres", "redis")]
    assert all(folder.is_dir() for folder in servers), "the servers keep their files elsewhere"
    paths = [path for folder in (product.data, *more) for path in folder.rglob("*") if path.is_file()]
    found = {
        str(path): markers.find(path.read_bytes())
        for path in paths
        if not any(path.is_relative_to(folder) for folder in servers)
    }
    return _keep_hits({**found, "output": markers.find(product.output.encode())})


def search_append_only(product: Product, markers: Markers) -> Found:
    """Redis' own files."""
    paths = [path for path in (product.data / "redis").rglob("*") if path.is_file()]
    return _keep_hits({path.name: markers.find(path.read_bytes()) for path in paths})


def _keep_hits(found: Found) -> Found:
    return {place: marks for place, marks in found.items() if marks}


def _kind(name: bytes) -> str:
    parts = name.decode(errors="replace").split(":")
    return ":".join(parts[: 4 if parts[1:2] == ["cache"] else 2])
