"""The operator that docs/how-to/add-an-operator.md adds: its diffs fit the product, and every evaluator then has it."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, fences

PAGE = ROOT / "docs/how-to/add-an-operator.md"
PACKAGES = ("studio", "personalization", "ingestion", "rules", "recommendations", "segments", "profiles")
COPIED = (*PACKAGES, "docs/reference", "tests/cases", "tests/docs", "tests/segments")


def run(folder: Path, *words: str, said: str = "") -> None:
    done = subprocess.run(words, input=said, capture_output=True, text=True, timeout=60, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr


def test_the_diffs_of_the_page_add_an_operator(tmp_path: Path) -> None:
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    diff = "".join(fence.body for fence in fences(PAGE) if fence.info == "diff")
    run(tmp_path, "git", "apply", "-C1", "-", said=diff)
    run(tmp_path, sys.executable, "-m", "tests.docs.ends_with")


def test_it_is_not_there_yet() -> None:
    """Otherwise the page has to choose another example."""
    assert "ends_with" not in (ROOT / "segments/conditions/language.py").read_text()
