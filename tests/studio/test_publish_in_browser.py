"""Publishing and decisions in a real browser: a change is drafted, published, followed into force and rolled back; the
stream goes on by itself until it is paused."""

import json
import re
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.product import Product

pytestmark = pytest.mark.story

SLUG = "published-in-the-studio"
MAKE = f"""
from django.utils import timezone
from rules.drafts import save_draft
from segments.models import Segment
root = {{"id": "r", "kind": "trait", "trait": "plan", "op": "is", "value": "{SLUG}"}}
segment = Segment(slug="{SLUG}", name="From the Studio", condition={{"v": 1, "root": root}})
save_draft(segment, by=None, at=timezone.now())
"""
REMOVE = f"""
from django.utils import timezone
from rules.drafts import remove_draft
from segments.models import Segment
for each in Segment.objects.filter(slug="{SLUG}"):
    remove_draft(each, by=None, at=timezone.now())
"""


def test_publish_follow_and_roll_back(page: Page, running_product: Product) -> None:
    running_product.manage("shell", "-c", MAKE)
    try:
        page.goto("/studio/publish/")
        expect(page.get_by_role("heading", name="Audiences")).to_be_visible()
        expect(page.get_by_text(re.compile("enters?,|people enter|Nobody enters")).first).to_be_visible()
        expect(
            page.get_by_text("nothing speaks against publishing").or_(page.get_by_text("to know before"))
        ).to_be_visible()
        page.get_by_label("Note").first.fill("Tried in a browser")
        page.get_by_role("button", name=re.compile("Publish [0-9]+ change")).click()
        expect(page.get_by_role("status").get_by_text(re.compile("Book [0-9]+ is published"))).to_be_visible()
        expect(page.get_by_text("Every published audience is in force")).to_be_visible(timeout=60_000)
        page.get_by_role("link", name=re.compile("Back to Book")).click()
        page.get_by_role("button", name="Roll back").click()
        page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
        expect(page.get_by_role("status").get_by_text("The drafts stay as they are")).to_be_visible()
    finally:
        running_product.manage("shell", "-c", REMOVE)


def test_the_stream_goes_on_by_itself_until_it_is_paused(page: Page, running_product: Product) -> None:
    key = running_product.manage(
        "shell", "-c", "from ingestion.models import Source; print('KEY', Source.objects.first().write_key)"
    )
    found = re.search(r"KEY (\S+)", key.stdout)
    assert found is not None

    def ask() -> str:
        said = {"slots": ["home-hero"], "anonymousId": "stream-watcher", "writeKey": found[1]}
        request = Request(
            f"{running_product.url}/api/v1/decide", json.dumps(said).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request) as answer:
            return str(json.load(answer)["decisionId"])

    page.goto("/studio/decisions/?q=stream-watcher")
    first = ask()
    expect(page.locator(f"#d-{first}")).to_be_visible()
    pause = page.get_by_role("button", name="Pause")
    pause.click()
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    second = ask()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(f"#d-{second}")).to_be_visible()
    page.locator(f"#d-{second}").click()
    expect(page.get_by_text("Replayed: identical")).to_be_visible()
