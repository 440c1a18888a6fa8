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
    town = Town(redis_client)
    yield Safe(town, tmp_path)
    town.runner.close()
