"""The budgets of the served files, and that the manual shows the files that are shipped and what the sources offer."""

import gzip
import re
from pathlib import Path

from playwright.sync_api import Page

from tests.tracker.conftest import document, until_ready
from tests.tracker.peer import TRACKER, Peer

MOST_BYTES = 8192
MOST_BYTES_OF_CONDITIONS = 4096
DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = DOCS / "how-to" / "install-the-snippet.md"
REFERENCE = DOCS / "reference" / "snippet.md"
SOURCES = Path(__file__).parents[2] / "tracker" / "src"


def test_served_file_fits_the_budget(peer: Peer, page: Page) -> None:
    size = len(gzip.compress((TRACKER / "pz.js").read_bytes()))
    print(f"pz.js: {size:,} bytes after gzip, {MOST_BYTES:,} allowed")  # shown by pytest -rP
    assert size <= MOST_BYTES
    sizes: list[int] = []
    page.on(
        "requestfinished",
        lambda request: sizes.append(request.sizes()["responseBodySize"]) if "pz.js" in request.url else None,
    )
    page.goto(peer.add_page("/", document()))
    until_ready(page)
    assert sizes and 0 < sizes[0] <= MOST_BYTES


def test_the_conditions_fit_theirs() -> None:
    size = len(gzip.compress((TRACKER / "conditions.js").read_bytes()))
    print(f"conditions.js: {size:,} bytes after gzip, {MOST_BYTES_OF_CONDITIONS:,} allowed")
    assert size <= MOST_BYTES_OF_CONDITIONS


def test_the_manual_shows_the_shipped_stub_and_stylesheet() -> None:
    manual = HOW_TO.read_text()
    for name in ("pz-stub.js", "pz-slot.css"):
        assert (TRACKER / name).read_text().strip() in manual, name


def test_the_reference_names_every_method_option_and_event() -> None:
    reference = REFERENCE.read_text()
    source = "".join(file.read_text() for file in SOURCES.glob("*.js"))
    options = set(re.findall(r"option\.(\w+)", source))
    events = set(re.findall(r"emit\(\w+, '(\w+)'", source))
    methods = set(
        re.findall(r"^  (\w+)(?:\(|: )", (SOURCES / "methods.js").read_text().partition("const methods = ")[2], re.M)
    )
    assert len(options) >= 7 and len(events) >= 6 and len(methods) >= 9
    wanted = [f"`data-{re.sub('([A-Z])', lambda letter: '-' + letter[0].lower(), name)}`" for name in options]
    wanted += [f"`pz:{name}`" for name in events] + [f"`pz.{name}(" for name in methods - {"push"}]
    assert [name for name in wanted if name not in reference] == []
