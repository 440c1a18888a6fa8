"""What holds for every page of the Studio, in a real browser: links lead somewhere, nothing for axe to find in either
theme, nothing for the content security policy to stop, no sideways scroll on a phone, and few bytes of our own."""

import gzip
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.product import ROOT, Product
from tests.studio.exhibits import MARK
from tests.studio.test_roles import GUARDED
from tests.studio.tour import Answer, Tour, take_tour

pytestmark = [pytest.mark.story, pytest.mark.timeout(600)]

OWN_BYTES = 150_000  # of style sheets and scripts of one page, after gzip
VENDORED = "/static/studio/vendor/"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}

# Nothing leads to them while nothing is the matter; they answer all the same.
UNLINKED = {
    "studio:second_step_off": "/studio/account/codes/off/",  # once codes from an app are asked for
    "studio:overview_first_steps": "/studio/overview/first-steps/",  # until they are done
    "studio:publish_progress": "/studio/publish/progress/",  # while audiences come into force
    "studio:build_again": "/studio/publish/builds/1/again/",  # once a build has failed
    "studio:audience_build_cancel": "/studio/audiences/likes-kitchen/build/1/cancel/",  # while an audience is filled
    "studio:audience_build_again": "/studio/audiences/likes-kitchen/build/1/again/",  # once that was cancelled
    "studio:event_recalls": "/studio/live/catalogue/1/recalls/",  # while the past is looked through
    "studio:back_test_state": "/studio/decisions/back-tests/1/state/",  # while it runs, as
    "studio:back_test_cancel": "/studio/decisions/back-tests/1/cancel/",  # this
}
EXCEPTIONS = {
    "studio:block_frame": "its address is made anew by each preview, for the frame of the editor",
}

# Further pages that differ from the one that has the most on it.
OTHER_KINDS = {
    "an audience by conditions": f"/studio/audiences/{MARK}-people/",
    "a list": f"/studio/audiences/{MARK}-list/",
    "an offer of points": f"/studio/content/offers/{MARK}-points/",
    "a block of HTML": f"/studio/content/blocks/{MARK}-block/",
}

WATCH_POLICY = """
window.stopped = [];
addEventListener('securitypolicyviolation', event => {
  window.stopped.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
# Parts that come by themselves are there, and so are fonts; what moves and comes to an end has done so.
IS_SETTLED = """() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')
  && document.fonts.status === 'loaded'
  && document.getAnimations().every(each => each.playState !== 'running'
    || each.effect.getComputedTiming().endTime === Infinity)"""
LIST_LOADED = """() => performance.getEntriesByType('resource').map(each => each.name)
  .filter(url => /\\.(css|js)$/.test(new URL(url).pathname))"""
# No rule that is on asks for style sheets to be read once more.
FIND_FAULTS = """async rules => {
  const found = await axe.run({resultTypes: ['violations'], preload: {assets: ['media']}, ...rules});
  return found.violations.map(
    each => `${each.id}: ${each.nodes[0].html.slice(0, 200)} ${each.nodes[0].failureSummary}`,
  );
}"""
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
THEMES: dict[str, dict[str, Any]] = {"light": {}, "dark": COLOURS}  # of the same document, colours alone differ


@pytest.fixture(scope="module")
def tour(running_product: Product, signed_in: Any) -> Iterator[Tour]:
    """Every page, of a shop with some visitors and one of everything that is made in the Studio."""

    def run(code: str) -> None:
        done = running_product.manage("shell", "-v", "0", "-c", f"from tests.studio import exhibits; exhibits.{code}")
        assert done.returncode == 0, done.stderr

    done = running_product.manage("simulate", "--seconds", "1", "--rate", "400", "--url", running_product.url)
    assert done.returncode == 0, done.stderr
    try:
        run(f"set_up({running_product.url!r}, {running_product.login[0]!r})")
        cookies = {each["name"]: each["value"] for each in signed_in["cookies"]}
        with httpx.Client(base_url=running_product.url, cookies=cookies, timeout=60) as client:

            def get(path: str, is_part: bool) -> Answer:
                answer = client.get(path, headers={"HX-Request": "true"} if is_part else {})
                return Answer(answer.status_code, answer.headers.get("content-type", ""), answer.text)

            yield take_tour(get, mark=MARK, also=UNLINKED)
    finally:
        run("clear()")


@pytest.fixture(scope="module")
def findings(tour: Tour, chromium: Browser, running_product: Product, signed_in: Any) -> dict[str, list[str]]:
    """What is wrong with any page, by what was looked at: each is opened once, and looked at in every way."""
    context = chromium.new_context(
        base_url=running_product.url, storage_state=signed_in, locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(30_000)
    context.add_init_script(WATCH_POLICY)
    page = context.new_page()
    found: dict[str, list[str]] = {each: [] for each in ("scripts", "policy", "phone", "weight", *THEMES)}
    page.on("pageerror", lambda error: found["scripts"].append(f"{page.url}: {error}"))

    @cache
    def weigh(url: str) -> int:
        return len(gzip.compress(page.request.get(url).body()))

    for name, path in sorted({**tour.pages, **OTHER_KINDS}.items()):
        for what, faults in look(page, path, weigh):
            found[what] += [f"{name} {path}: {each}" for each in faults]
    context.close()
    return found


def look(page: Page, path: str, weigh: Callable[[str], int]) -> Iterator[tuple[str, list[str]]]:
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    page.goto(path, wait_until="load")
    page.wait_for_function(IS_SETTLED)
    sizes = {urlsplit(url).path: weigh(url) for url in page.evaluate(LIST_LOADED) if VENDORED not in url}
    assert sizes, f"{path} came without a style sheet"
    yield "weight", [f"{sum(sizes.values()):,} bytes: {sizes}"] if sum(sizes.values()) > OWN_BYTES else []
    page.evaluate(AXE_SCRIPT)
    for theme, rules in THEMES.items():
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_function(IS_SETTLED)
        yield theme, page.evaluate(FIND_FAULTS, rules)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.wait_for_function(IS_SETTLED)
    width = page.evaluate("document.documentElement.scrollWidth")
    yield "phone", [f"{width} px"] if width > PHONE["width"] else []
    yield "policy", page.evaluate("window.stopped")


def test_links_lead_to_every_page(tour: Tour) -> None:
    assert tour.wrong == [], "\n".join(tour.wrong)
    asked = {f"studio:{name}" for name, _, view in GUARDED if "GET" in view.methods}
    assert asked - tour.reached == set(EXCEPTIONS)


def test_every_icon_is_there(tour: Tour) -> None:
    drawn = set(re.findall(r'id="([^"]+)"', (ROOT / "static/studio/icons.svg").read_text()))
    assert tour.icons > {"database", "check"} and tour.icons - drawn == set()


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing(theme: str, findings: dict[str, list[str]]) -> None:
    assert findings[theme] == [], "\n".join(findings[theme])


@pytest.mark.parametrize("what", ["scripts", "policy"])
def test_no_script_fails_and_the_policy_stops_nothing(what: str, findings: dict[str, list[str]]) -> None:
    assert findings[what] == [], "\n".join(findings[what])


def test_nothing_scrolls_sideways_on_a_phone(findings: dict[str, list[str]]) -> None:
    assert findings["phone"] == [], "\n".join(findings["phone"])


def test_pages_are_light(findings: dict[str, list[str]]) -> None:
    assert findings["weight"] == [], "\n".join(findings["weight"])
