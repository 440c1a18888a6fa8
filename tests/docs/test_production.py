"""The page on production starts the same processes as `make run`, and names health checks that are there."""

import shlex
from pathlib import Path

from personalization.health import LIVE, READY, Readiness
from personalization.supervise import list_processes
from tests.docs.pages import ROOT, fences, spans

PAGE = ROOT / "docs/how-to/run-in-production.md"
OWN = {"--host", "--port", "--schedule"}  # options whose value is one's own


def without_own(words: list[str]) -> list[str]:
    """The command from its module or file on, without the options that differ from place to place."""
    start = next(number for number, word in enumerate(words) if word in ("manage.py", "uvicorn", "celery"))
    kept = words[start:]
    return [word for number, word in enumerate(kept) if word not in OWN and kept[number - 1] not in OWN]


def test_the_processes_are_those_of_make_run() -> None:
    [procfile] = [fence for fence in fences(PAGE) if fence.info == "text procfile"]
    lines = [line.partition(": ") for line in procfile.body.splitlines()]
    shown = {name: without_own(shlex.split(command)) for name, _, command in lines}
    real = {name: without_own(list(command)) for name, command in list_processes(Path("/x"), "::1", 1).items()}
    assert shown == real


def test_the_health_checks_are_there() -> None:
    named = {span for span in spans(PAGE) if span.startswith("/health/")}
    assert named == {LIVE, READY, *(f"{READY}/{name}" for name in ("redis",))}
    assert {"redis"} <= set(Readiness.NAMES)
