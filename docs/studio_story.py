"""The main story of the Studio, told on the running product: an audience, an offer, a block and a rule are made, looked
at as somebody, published, seen on the shop, rolled back. A test tells it by keys alone, the pictures by mouse."""

import re
from collections.abc import Callable
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

AUDIENCE, OFFER, BLOCK, RULE = "Summer fans", "Summer code", "Summer banner with a code", "Summer banner for fans"
CATEGORY, SLOT = "Summer wear", "Home page banner"
LAST_DAY = (31, 8, 2027)
MAX_TABS = 250
SOURCE = """<section class="hero">
  <h1>Summer is on its way{% if profile.traits.firstName %}, {{ profile.traits.firstName }}{% endif %}</h1>
  {% if offer %}<p>Ten per cent off with your own code <strong>{{ offer.code }}</strong></p>{% endif %}
</section>"""

Picture = Callable[[Page, str], object]


class Hand(Protocol):
    """How somebody works a page."""

    def press(self, target: Locator) -> None:
        """A link or a button."""

    def write(self, target: Locator, text: str) -> None:
        """Into a field, in place of what it said."""

    def choose(self, target: Locator, option: str) -> None:
        """One of a list by its name."""

    def pick(self, target: Locator) -> None:
        """One of several round buttons."""

    def date(self, target: Locator, day: int, month: int, year: int) -> None:
        """Into a field for a day."""


class Mouse:
    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.click()
        target.fill(text)

    def choose(self, target: Locator, option: str) -> None:
        target.select_option(label=option)

    def pick(self, target: Locator) -> None:
        target.check()

    def date(self, target: Locator, day: int, month: int, year: int) -> None:
        target.fill(f"{year}-{month:02}-{day:02}")


class Keyboard:
    """Keys alone: Tab leads to everything, in the order of the page."""

    def press(self, target: Locator) -> None:
        self._reach(target)
        target.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self._reach(target)
        target.page.keyboard.press("Control+a")
        target.page.keyboard.press("Delete")
        target.page.keyboard.insert_text(text)

    def choose(self, target: Locator, option: str) -> None:
        self._reach(target)
        target.page.keyboard.type(option)
        expect(target.locator("option:checked")).to_have_text(option)

    def pick(self, target: Locator) -> None:
        """Tab leads to the chosen one of the group, arrows to the others."""
        name = target.get_attribute("name")
        group = target.page.locator(f"input[name='{name}']")
        self._reach(group.and_(target.page.locator(":checked")).first)
        for _ in range(group.count()):
            if target.is_checked():
                return
            target.page.keyboard.press("ArrowDown")
        expect(target).to_be_checked()

    def date(self, target: Locator, day: int, month: int, year: int) -> None:
        """The browser's language says whether the day or the month comes first."""
        wanted = f"{year}-{month:02}-{day:02}"
        for typed in (f"{month:02}{day:02}{year}", f"{day:02}{month:02}{year}"):
            self._reach(target)
            target.page.keyboard.type(typed)
            if target.input_value() == wanted:
                return
            target.page.keyboard.press("Shift+Tab")
        expect(target).to_have_value(wanted)

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(MAX_TABS):
            if target.evaluate("element => element === element.getRootNode().activeElement"):
                return
            target.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never leads to {target}")


def publish_campaign(page: Page, hand: Hand, url: str, login: tuple[str, str], picture: Picture) -> None:
    """From signing in to the new Book."""
    sign_in(page, hand, url, login)
    picture(page, "studio-overview")
    somebody = make_audience(page, hand, picture)
    make_offer(page, hand)
    make_block(page, hand, picture)
    make_rule(page, hand, picture)
    preview(page, hand, somebody, picture)
    publish(page, hand, picture)


def sign_in(page: Page, hand: Hand, url: str, login: tuple[str, str]) -> None:
    page.goto(f"{url}/studio/sign-in/")
    hand.write(page.get_by_label("Username"), login[0])
    hand.write(page.get_by_label("Password"), login[1])
    hand.press(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def make_audience(page: Page, hand: Hand, picture: Picture) -> str:
    """From the template of an interest: the category is the only thing to fill in. Returns the id of somebody in it."""
    open_page(page, hand, "Audiences")
    hand.press(page.get_by_role("link", name="New audience"))
    picture(page, "studio-new-audience")
    hand.press(page.get_by_role("link", name=re.compile("Interested in a category")))
    hand.write(page.get_by_label("Name", exact=True), AUDIENCE)
    value = page.locator("[data-condition-rows]").get_by_role("combobox", name=re.compile("value", re.I)).first
    hand.write(value, CATEGORY)
    page.keyboard.press("Enter")
    expect(page.locator("[data-condition-words]")).to_contain_text(f"category is “{CATEGORY}”")
    picture(page, "studio-audience")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", name=AUDIENCE, exact=True)).to_be_visible()
    somebody = page.locator("[data-aside-sample] a[href*='/studio/people/']").first
    return str(somebody.get_attribute("href")).strip("/").rpartition("/")[2]


def open_content(page: Page, hand: Hand, tab: str) -> None:
    open_page(page, hand, "Content")
    hand.press(page.get_by_role("navigation", name="Content").get_by_role("link", name=tab))


def make_offer(page: Page, hand: Hand) -> None:
    open_content(page, hand, "Offers")
    hand.press(page.get_by_role("link", name="New offer").first)
    hand.write(page.get_by_label("Name", exact=True), OFFER)
    page.keyboard.press("Control+s")
    hand.press(page.get_by_role("link", name="Generate codes"))
    hand.write(page.get_by_label("How many"), "100")
    hand.press(page.get_by_role("button", name="Generate", exact=True))
    expect(page.get_by_text("Claimed", exact=True)).to_be_visible()


def write_code(page: Page, hand: Hand, editor: Locator, text: str) -> None:
    """Emptied first: what replaces a selection takes its looks over, which the content security policy forbids."""
    hand.write(editor, "")
    page.keyboard.insert_text(text)


def make_block(page: Page, hand: Hand, picture: Picture) -> None:
    open_content(page, hand, "Blocks")
    hand.press(page.get_by_role("link", name="New block").first)
    hand.press(page.get_by_role("link", name=re.compile("^HTML")).first)
    hand.write(page.get_by_label("Name", exact=True), BLOCK)
    write_code(page, hand, page.get_by_role("textbox", name="Content"), SOURCE)
    preview = page.frame_locator("[data-preview-frame] iframe")
    expect(preview.get_by_role("heading")).to_contain_text("Summer is on its way")
    picture(page, "studio-block")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", name=BLOCK, exact=True)).to_be_visible()


def make_rule(page: Page, hand: Hand, picture: Picture) -> None:
    open_page(page, hand, "Content")
    hand.press(page.get_by_role("link", name="New rule").first)
    hand.write(page.locator("#id_name"), RULE)
    hand.choose(page.locator("#id_slot"), SLOT)
    hand.pick(page.get_by_label("People in an audience"))
    hand.choose(page.locator("[name=audience]"), AUDIENCE)
    hand.choose(page.locator("[name=block]"), f"{BLOCK} (HTML)")
    hand.choose(page.locator("[name=offer]"), OFFER)
    hand.date(page.locator("[name=ends_day]"), *LAST_DAY)
    hand.press(page.get_by_role("button", name="Limit"))
    hand.write(page.get_by_label("How often at most").first, "3")
    hand.choose(page.get_by_label("In which period").first, "a week")
    hand.write(page.get_by_label("Priority"), "100")
    sentence = page.locator("section[aria-labelledby='in-words']")
    expect(sentence).to_contain_text("until 31 August 2027, end of the day, at most 3 times a week per person")
    picture(page, "studio-rule")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", name=RULE, exact=True)).to_be_visible()


def preview(page: Page, hand: Hand, person: str, picture: Picture) -> None:
    """What a real person gets by the draft, before anybody else does."""
    hand.press(page.get_by_role("link", name="Preview…"))
    hand.press(page.locator("[data-person-choice] summary"))
    hand.write(page.get_by_label("Search for a person"), person)
    expect(page.locator("[data-person-found] [data-person]")).to_have_count(1)
    page.keyboard.press("Enter")
    hand.press(page.get_by_role("button", name="Look"))
    expect(page.locator("section[aria-live=polite]")).to_contain_text(f"{BLOCK}, by this rule")
    picture(page, "studio-preview")


def publish(page: Page, hand: Hand, picture: Picture) -> None:
    open_page(page, hand, "Publish")
    expect(page.get_by_text(RULE).first).to_be_visible()
    picture(page, "studio-publish")
    hand.press(page.get_by_role("button", name=re.compile("^Publish")))
    expect(page.get_by_text(re.compile(r"Book \d+ is published")).first).to_be_visible()


def see_it(shop: Page, hand: Hand, url: str, picture: Picture) -> None:
    """As a visitor of the shop who looks at two products of the category."""
    shop.goto(f"{url}/demo/")
    expect(shop.locator("[data-connection]")).to_have_attribute("data-state", "live")
    hand.press(shop.get_by_role("button", name=CATEGORY, exact=True))
    for card in shop.locator(".card:visible a[data-product]").all()[:2]:
        hand.press(card)
        hand.press(shop.locator("#quick [data-close]"))
    expect(shop.locator("pz-slot[name=home-hero]")).to_contain_text("Ten per cent off with your own code")
    picture(shop, "studio-shop")


def roll_back(page: Page, hand: Hand, shop: Page, picture: Picture) -> None:
    """To the Book before; the banner leaves the shop with it."""
    open_page(page, hand, "Publish")
    hand.press(page.get_by_role("link", name="Books").first)
    hand.press(page.get_by_role("link", name=re.compile(r"^Book \d+")).nth(1))
    hand.press(page.get_by_role("link", name=re.compile("^Roll back")))
    picture(page, "studio-roll-back")
    hand.press(page.get_by_role("button", name=re.compile("^Roll back")))
    hand.press(page.locator("[data-confirm-yes]").last)
    expect(page.get_by_text(re.compile(r"Book \d+ is")).first).to_be_visible()
    shop.reload()
    expect(shop.locator("pz-slot[name=home-hero]")).not_to_contain_text("Ten per cent off")


def open_page(page: Page, hand: Hand, name: str) -> None:
    """By the side bar."""
    navigation = page.get_by_role("navigation", name="Studio")
    hand.press(navigation.get_by_role("link", name=re.compile(f"^{name}")))
