"""What somebody sees of a page: its text, and what keeps people out of it."""

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Some animations never come to their end by themselves: those that are paused, or wait for a scroll.
SETTLED = """() => Promise.race([new Promise(done => setTimeout(done, 2000)), Promise.all(document.getAnimations()
    .filter(each => each.playState === 'running' && each.effect.getComputedTiming().endTime !== Infinity)
    .map(each => each.finished.catch(() => null)))])"""


def text_of(answer: Any) -> str:
    """Without markup."""
    html = re.sub(r"<(script|style).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def find_violations(page: Page, context: str | None = None) -> list[str]:
    """What axe finds once nothing fades in any more: which rule, where, and why."""
    page.evaluate(SETTLED)
    found = Axe().run(page, context=context, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} {node.get('failureSummary')}" for each in found for node in each["nodes"]
    ]
