"""What the pages point to exists: relative links, their anchors, named files and the names inside them."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, spans

FOLDERS = "bench|docs|ingestion|personalization|profiles|recommendations|rules|segments|static|templates|tests|tracker"
NAMED = re.compile(rf"(?P<path>(?:{FOLDERS})/[\w./-]+)(?::(?P<name>\w+))?")


def test_there_are_as_many_pages_as_we_think() -> None:
    assert len(PAGES) >= 17


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_named_file_exists_and_holds_the_name(page: Path) -> None:
    lost = []
    for span in spans(page):
        named = NAMED.fullmatch(span)
        if named is None:
            continue
        file = ROOT / named["path"]
        if not file.exists() or (named["name"] and not holds(file, named["name"])):
            lost.append(span)
    assert not lost


def holds(file: Path, name: str) -> bool:
    """Whether `name` is defined in `file`: a function, a class, or a value."""
    definition = rf"^\s*(?:(?:async )?def {name}\(|class {name}\b|{name}\b[^=\n]*=)"
    return re.search(definition, file.read_text(), re.MULTILINE) is not None
