"""What only a browser shows of people: the search as one types, what comes by itself, pages that axe finds sound."""

import json
import time
import urllib.request
from base64 import b64encode
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Page, expect

from profiles.event import derive_profile_id
from tests.product import Product
from tests.studio.seen import find_violations


@pytest.fixture
def send(running_product: Product) -> "Sender":
    return Sender(running_product)


class Sender:
    """Sends events of a visitor of this test alone."""

    def __init__(self, product: Product) -> None:
        self._url = product.url
        self._key = product.manage("shell", "-c", KEY).stdout.strip().splitlines()[-1]
        self.person = f"browser-{uuid4().hex}"

    def __call__(self, kind: str, **said: object) -> None:
        body = json.dumps({"anonymousId": self.person, **said}).encode()
        token = b64encode(f"{self._key}:".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {token}"}
        urllib.request.urlopen(urllib.request.Request(f"{self._url}/v1/{kind}", body, headers)).close()


def wait_for(page: Page, address: str, word: str) -> None:
    """Until what was sent has been worked off and archived."""
    until = time.monotonic() + 20
    while word not in page.request.get(address).text():
        assert time.monotonic() < until, f"no {word} at {address}"
        time.sleep(0.1)


KEY = "from ingestion.models import Source; print(Source.objects.get(slug='demo-shop').write_key)"


def test_somebody_is_found_followed_and_looked_into(page: Page, send: Sender) -> None:
    email = f"{send.person}@example.com"
    send("identify", traits={"firstName": "Berta", "email": email, **{f"trait{n}": n for n in range(8)}})
    page.goto("/studio/people/")
    wait_for(page, f"/studio/people/?q={quote(email)}", "Berta")
    page.get_by_label("Who", exact=True).fill(email)
    found = page.locator("#people tbody a")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Berta")
    found.click()
    expect(page.get_by_role("heading", name="Berta")).to_be_visible()
    expect(page.locator("#person-seen")).to_contain_text("Here now")
    send("track", event="Cart Viewed")
    expect(page.locator("#timeline-list")).to_contain_text("Cart Viewed", timeout=20_000)
    expect(page.locator("#timeline-said")).to_contain_text("new")
    page.get_by_label("Find a trait").fill("trait3")
    expect(page.locator("#traits-rows tr:visible")).to_have_count(1)
    page.locator("#slots-panel summary").click()
    expect(page.locator("#slots")).to_contain_text("Nothing is counted")
    page.locator("#timeline-list summary", has_text="Cart Viewed").click()
    expect(page.locator("#timeline-list")).to_contain_text("messageId")
    page.get_by_label("Why not in another one?").select_option(index=1)
    expect(page.locator("#other-evidence")).to_contain_text("To the audience")
    page.get_by_label("Kind").select_option("decision")
    expect(page.locator("#timeline-list")).not_to_contain_text("Cart Viewed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_people_are_for_everybody(page: Page, send: Sender, scheme: str) -> None:
    send("track", event="Cart Viewed")
    id = UUID(derive_profile_id(f"a:{send.person}"))
    wait_for(page, f"/studio/people/{id}/", "Cart Viewed")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 844})
    for more in ("", f"{id}/", f"{id}/see/", f"{id}/erase/", f"{id}/export/", "erasures/"):
        page.goto(f"/studio/people/{more}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, more
        assert find_violations(page) == [], more
