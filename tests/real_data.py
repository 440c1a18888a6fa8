"""Where the real data lies that some tests are about; without it they are skipped."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("PZ_DATA_DIR", ROOT.parent / "shared" / "data"))
ONLINE_RETAIL = DATA / "online_retail.csv.gz"

needs_online_retail = pytest.mark.skipif(
    not ONLINE_RETAIL.exists(), reason=f"{ONLINE_RETAIL} is not there; PZ_DATA_DIR names its folder"
)
