"""The demo shop's catalogue, banners, segments and rules fit together and would be accepted by a publish."""

import re
from pathlib import Path

import pytest

from personalization import shop, shop_content
from profiles.profile import Profile
from rules.definitions import BlockDefinition, BookPayload, RuleDefinition, SegmentDefinition, SlotDefinition
from rules.engine import compile_book
from rules.render import Seen, compile_block, render_block

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
BLOCKS = shop_content.list_blocks("/static/")


def test_catalogue_has_six_products_in_each_of_six_categories() -> None:
    assert len(shop.CATEGORIES) == 6
    assert len(shop.BY_ID) == len(shop.PRODUCTS) == 36
    assert all(len(shop.products_of(category)) == 6 for category in shop.CATEGORIES)
    assert sorted(product.id for product in shop.list_in_turns()) == sorted(shop.BY_ID)


@pytest.mark.parametrize("product", shop.PRODUCTS, ids=lambda product: product.id)
def test_every_product_has_its_drawing(product: shop.Product) -> None:
    assert (STATIC / product.picture).read_text().startswith("<svg ")


def test_rules_refer_to_slots_blocks_and_segments_that_exist() -> None:
    segments = {each.slug for each in shop_content.SEGMENTS}
    assert {rule.slot for rule in shop_content.RULES} == {each.slug for each in shop_content.SLOTS}
    assert {rule.block for rule in shop_content.RULES} == {each.slug for each in BLOCKS}
    assert {rule.condition["root"]["segment"] for rule in shop_content.RULES} == segments


def test_the_first_book_compiles() -> None:
    book = compile_book(
        BookPayload(
            v=1,
            number=1,
            segments=tuple(SegmentDefinition(each.slug, each.name, each.condition) for each in shop_content.SEGMENTS),
            slots={each.slug: SlotDefinition() for each in shop_content.SLOTS},
            blocks={each.slug: BlockDefinition("html", each.html, each.name) for each in BLOCKS},
            rules=tuple(
                RuleDefinition(each.slug, each.name, each.slot, each.priority, each.block, each.condition)
                for each in shop_content.RULES
            ),
        )
    )
    assert len(book.slots["home-hero"].ranks) == 6
    assert len(book.slots["promo-bar"].ranks) == 4


@pytest.mark.parametrize("content", BLOCKS, ids=lambda content: content.slug)
def test_every_block_keeps_its_markup_and_its_pictures_exist(content: shop_content.BlockContent) -> None:
    block = compile_block(content.slug, BlockDefinition("html", content.html, content.name))
    rendered = bytes(render_block(block, Seen(Profile(id="0" * 32), {}, 0))).decode()
    assert "{{" not in rendered and "{%" not in rendered
    assert "class=" in rendered
    for picture in re.findall(r'src=\\"/static/([^"\\]+)\\"', rendered):
        assert (STATIC / picture).is_file()


def test_templates_carry_no_inline_script_or_style() -> None:
    pages = list((ROOT / "templates" / "demo").glob("*.html"))
    assert len(pages) >= 8
    for page in pages:
        text = page.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), page.name
