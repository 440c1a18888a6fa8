"""The page of blocks: every example does what it says, and every tag, filter, keyword, kind and bound is on it."""

import json
import re

import pytest

from rules import filters, liquid, mail, render, shapes
from rules.css import MAX_CSS
from rules.definitions import BlockDefinition
from rules.fallbacks import OF_OFFER, OF_PROFILE, ROOTS
from rules.fitting import KINDS
from rules.mail import MAX_SUBJECT, MAX_SUBJECT_SOURCE
from rules.render import BadBlock, compile_block, render_block
from tests.docs.pages import ROOT, Fence, fences, prose, table_cells
from tests.rules.blocks import person, seen

PAGE = ROOT / "docs/reference/blocks.md"
FENCES = list(fences(PAGE))
CELLS = table_cells(PAGE) | table_cells(PAGE, 1)
[SHAPE] = [json.loads(fence.body) for fence in FENCES if fence.info == "json shape"]
PEOPLE = [
    seen(),
    seen(
        person(firstName="Anna", city="Vienna"),
        {"page": {"search": "a&b"}, "cart": {"items": [{"name": "Boots"}]}},
        offer={"name": "Summer", "kind": "code", "code": "SUN-1", "points": 0},
        slots={"email-banner": "<p>A banner</p>"},
    ),
]
BOUNDS = [
    *(
        liquid.MAX_SOURCE,
        MAX_SUBJECT_SOURCE,
        MAX_SUBJECT,
        MAX_CSS,
        liquid.MAX_TAGS,
        liquid.MAX_NESTED,
        liquid.MAX_LOOPS,
    ),
    *(liquid.MAX_STEPS, round(liquid.MAX_SECONDS * 1_000), liquid.MAX_OUTPUT, liquid.MAX_ASSIGNED, filters.MAX_TEXT),
    *(filters.MAX_ITEMS, filters.MAX_BITS, render.MAX_DEPTH, shapes.MAX_NODES, shapes.MAX_CHECKS),
    *(render.MAX_RECOMMENDED, render.MAX_NAME),
]


def examples(info: str) -> list[object]:
    return [pytest.param(fence, id=fence.name) for fence in FENCES if fence.info == info]


def test_there_are_as_many_examples_as_we_think() -> None:
    assert [len(examples(info)) for info in ("html block", "html refused", "json block", "html email")] == [2, 3, 1, 1]


@pytest.mark.parametrize("fence", [*examples("html block"), *examples("json block"), *examples("html email")])
def test_examples_say_something_to_everybody(fence: Fence) -> None:
    kind = {"html block": "html", "json block": "json", "html email": "email"}[fence.info]
    said = {"json": {"shape": SHAPE}, "email": {"subject": "News"}}.get(kind, {})
    block = compile_block("example", BlockDefinition(kind, fence.body, **said))
    answers = [bytes(render_block(block, person)).decode() for person in PEOPLE]
    assert answers[0] != answers[1]
    assert all("{{" not in answer and "{%" not in answer for answer in answers)


@pytest.mark.parametrize("fence", examples("html refused"))
def test_what_the_page_calls_refused_is(fence: Fence) -> None:
    with pytest.raises(BadBlock, match="Liquid: line 1, column"):
        compile_block("example", BlockDefinition("html", fence.body))


def test_every_tag_and_filter_is_there_and_no_other() -> None:
    page = prose(PAGE)
    tags = page.partition("| Tag |")[2].partition("\n\n")[0]
    listed = page.partition("| Filters |")[2].partition("\n\n")[0]
    first = "".join(line.split("|")[1] for line in tags.splitlines()[1:])
    assert set(re.findall(r"`([^`]+)`", first)) == liquid.TAGS | {"raw", "slot"}
    assert set(re.findall(r"`([^`]+)`", "".join(line.split("|")[1] for line in listed.splitlines()[1:]))) == set(
        filters.FILTERS
    )


@pytest.mark.parametrize("name", [*(f"profile.{name}" for name in OF_PROFILE), *(f"offer.{name}" for name in OF_OFFER)])
def test_every_name_a_template_sees_is_there(name: str) -> None:
    assert name in CELLS or f"{name}.NAME" in CELLS
    assert {f"`{root}" for root in ROOTS} <= set(re.findall(r"`[a-z]+", prose(PAGE)))


@pytest.mark.parametrize("keyword", sorted(shapes.KEYWORDS))
def test_every_keyword_of_shapes_is_there(keyword: str) -> None:
    assert keyword in CELLS


@pytest.mark.parametrize("channel", KINDS)
def test_every_channel_says_what_it_takes(channel: str) -> None:
    assert f"| `{channel}` | {', '.join(f'`{kind}`' for kind in KINDS[channel])} |" in PAGE.read_text()
    assert set(render.KINDS) <= CELLS


@pytest.mark.parametrize("bound", BOUNDS)
def test_every_bound_is_there(bound: int) -> None:
    bounds = prose(PAGE).partition("## Bounds")[2]
    assert re.search(rf"(?<![\d,]){bound:,}(?![\d,])", bounds)


def test_every_kind_of_answer_has_its_fields() -> None:
    row = next(line for line in prose(PAGE).splitlines() if line.startswith("| `email` | HTML"))
    assert set(mail.Message._fields) <= set(re.findall(r"`([^`]+)`", row))
