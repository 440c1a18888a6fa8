"""The served files are what `make tracker` builds from the sources as they are; none of this needs Node.js."""

import graphlib
import hashlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.tracker.peer import TRACKER

ROOT = Path(__file__).parents[2]
HOME = ROOT / "tracker"
CONDITIONS = HOME / "src" / "conditions"
BUNDLES = {"pz.js": (HOME / "src",), "conditions.js": (CONDITIONS,), "edge.js": (CONDITIONS, HOME / "src" / "edge")}
SOURCES = {name: [file for folder in BUNDLES[name] for file in sorted(folder.glob("*.js"))] for name in BUNDLES}
BANNER = re.compile(
    r"/\*! (?P<name>\S+) (?P<version>\S+) \| (?P<licence>\S+) \| sha256 of sources and code: (?P<hash>\w{64}) \*/\n"
)
IMPORT = re.compile(r"^(?:import|\}) .*?from '\./([\w-]+)\.js';$", re.M)
MOST_LINES = 400

each_bundle = pytest.mark.parametrize("name", BUNDLES)


def test_every_source_is_in_a_bundle() -> None:
    assert set(HOME.glob("src/**/*.js")) == {file for files in SOURCES.values() for file in files}
    assert len(SOURCES["pz.js"]) >= 15 and len(SOURCES["conditions.js"]) >= 8


@each_bundle
def test_the_served_file_is_built_from_these_sources(name: str) -> None:
    banner = BANNER.match(built := (TRACKER / name).read_text())
    assert banner and banner["name"] == name
    known = hashlib.sha256()
    for file in [HOME / "build.js", HOME / "package-lock.json", *SOURCES[name]]:
        known.update(f"{file.relative_to(HOME).as_posix()}\n".encode() + file.read_bytes())
    known.update(built[banner.end() :].encode())
    assert banner["hash"] == known.hexdigest(), "the sources or the built file have changed: make tracker"
    assert banner["licence"] == json.loads((HOME / "package.json").read_text())["license"]


@each_bundle
def test_its_version_is_the_products(name: str) -> None:
    banner = BANNER.match((TRACKER / name).read_text())
    product = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert banner and banner["version"] == product["version"], "the version has changed: make tracker"


@each_bundle
def test_no_source_is_long(name: str) -> None:
    assert [file.name for file in SOURCES[name] if len(file.read_text().splitlines()) >= MOST_LINES] == []


@each_bundle
def test_imports_point_one_way(name: str) -> None:
    imports = {file.stem: set(IMPORT.findall(file.read_text())) for file in BUNDLES[name][-1].glob("*.js")}
    order = list(graphlib.TopologicalSorter(imports).static_order())  # raises CycleError
    assert order[-1] == "index" and set(order) == set(imports)


def test_the_bundler_is_pinned_whatever_the_registry() -> None:
    wanted = json.loads((HOME / "package.json").read_text())["devDependencies"]
    lock = json.loads((HOME / "package-lock.json").read_text())["packages"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in wanted.values())
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    locked = [package for name, package in lock.items() if name]
    assert all("integrity" in package and "resolved" not in package for package in locked)
