"""The evaluator of devices, in a real Chromium: one page for the whole run, asked many cases at once.

    answers = ask(cases)  # of each: whether it holds, and when time alone could turn it

Playwright is kept in a thread of its own: in the thread that it is started from an event loop counts as running, which
neither Django's database nor asynchronous tests can bear.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

from playwright.sync_api import Page, Playwright, sync_playwright

from tests.browser import CHROMIUM, FLAGS
from tests.segments.cases import Case
from tests.tracker.peer import TRACKER

LOAD = """source => import('data:text/javascript,' + encodeURIComponent(source))
    .then(module => { Object.assign(window, module); })"""
# As text, so that what JSON calls __proto__ stays a name like any other.
ASK = """text => {
    const { zones, cases } = JSON.parse(text);
    return cases.map(({ condition, zone, may, profile, segments, context, now }) => {
        const holds = compile(condition, { transitions: zones[zone], may });
        return [holds(profile, segments, context, now), holds.nextFlip(profile, now)];
    });
}"""


class Answer(NamedTuple):
    """Whether the condition holds, and the next moment at which it could turn, None for never."""

    holds: bool
    flips: int | None


class _Browser:
    """A page that has loaded the served file; everything about it happens in one thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
        self._playwright, self._page = self._thread.submit(_open).result()

    def evaluate(self, expression: str, argument: str) -> Any:
        return self._thread.submit(self._page.evaluate, expression, argument).result()

    def close(self) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self) -> None:
        assert self._page.context.browser is not None
        self._page.context.browser.close()
        self._playwright.stop()


def _open() -> tuple[Playwright, Page]:
    playwright = sync_playwright().start()
    page = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS).new_page()
    page.evaluate(LOAD, (TRACKER / "conditions.js").read_text())
    return playwright, page


@cache
def _browser() -> _Browser:
    return _Browser()


def close() -> None:
    """Ends the browser, if it was needed."""
    if _browser.cache_info().currsize:
        _browser().close()
        _browser.cache_clear()


def ask(cases: Sequence[Case]) -> list[Answer]:
    zones = {case.calendar.zone: case.calendar.transitions for case in cases}
    told = json.dumps({"zones": zones, "cases": [case.facts for case in cases]})
    return [Answer(holds, flips) for holds, flips in _browser().evaluate(ASK, told)]


def evaluate(expression: str, argument: object) -> Any:
    """What an expression of JavaScript makes of `argument`, which reaches it as JSON."""
    return _browser().evaluate(expression, json.dumps(argument))
