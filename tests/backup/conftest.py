"""A town with a place for its backups."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from profiles.clients import Client
from tests.backup.safe import Safe
from tests.faults.town import Town


@pytest.fixture
def safe(redis_client: Client, transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Safe]:
    settings.PZ_PARTITIONS = 4
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    yield from _open(redis_client, tmp_path)


@pytest.fixture
def rewinding(redis_client: Client, db: None, settings: Any, tmp_path: Path) -> Iterator[Safe]:
    """One whose database only goes back to where it was: for the half of a backup that is in Redis."""
    settings.PZ_PARTITIONS = 4
    yield from _open(redis_client, tmp_path)


def _open(client: Client, place: Path) -> Iterator[Safe]:
    town = Town(client)
    yield Safe(town, place)
    town.runner.close()
