"""What the demo shop's first Book says: its slots, segments, banners and rules, as data."""

from dataclasses import dataclass
from typing import Any

from personalization.shop import CATEGORIES, Category

HERO_SLOT = "home-hero"
PROMO_SLOT = "promo-bar"

Condition = dict[str, Any]


@dataclass(frozen=True)
class SlotContent:
    slug: str
    name: str
    channel: str = "web"
    default: str | None = None


@dataclass(frozen=True)
class SegmentContent:
    slug: str
    name: str
    condition: Condition


@dataclass(frozen=True)
class BlockContent:
    slug: str
    name: str
    html: str
    kind: str = "html"
    subject: str = ""


@dataclass(frozen=True)
class RuleContent:
    """In `slot`, when `condition` holds, show `block`; the highest priority wins."""

    slug: str
    name: str
    slot: str
    block: str
    priority: int
    condition: Condition


# Per category: the line above the headline, the headline, what the button says. The sentence is the category's own.
HEADLINES: dict[str, tuple[str, str, str]] = {
    "outdoor": ("For nights outside", "Your next trip starts at the tree line", "See all outdoor things"),
    "summer-wear": ("For the warm months", "Pack light, stay for the sunset", "See all summer wear"),
    "home": ("For the room you love", "Come home to something quiet", "See everything for home"),
    "kitchen": ("For hungry evenings", "Something good is on the stove", "See all kitchen things"),
    "sport": ("For early risers", "Tomorrow’s run begins tonight", "See everything for sport"),
    "sound": ("For careful listeners", "Put the record on, stay a while", "See all sound"),
}

SLOTS = (SlotContent(HERO_SLOT, "Home page banner"), SlotContent(PROMO_SLOT, "Line above the banner"))


def _condition(root: dict[str, Any]) -> Condition:
    return {"v": 1, "root": root}


def in_segment(slug: str) -> Condition:
    return _condition({"id": "in", "kind": "segment", "segment": slug})


def _did(id: str, event: str, *, last: int, unit: str, op: str = "at_least", value: int = 1) -> dict[str, Any]:
    return {
        "id": id,
        "kind": "event",
        "event": event,
        "did": True,
        "where": [],
        "measure": "count",
        "op": op,
        "value": value,
        "window": {"last": last, "unit": unit},
    }


def _likes(category: Category) -> Condition:
    viewed = _did("viewed", "Product Viewed", value=3, last=30, unit="minutes")
    return _condition({**viewed, "where": [{"property": "category", "op": "is", "value": category.name}]})


def _banner(category: Category, static_url: str) -> str:
    over, headline, button = HEADLINES[category.slug]
    by_name = f"{{{{ profile.traits.firstName }}}}, {headline[0].lower()}{headline[1:]}"
    return f"""<article class="hero hero-{category.slug}">
  <img src="{static_url}demo/scenes/{category.slug}.svg" alt="" width="1200" height="460">
  <div>
    <p class="hero-over">{over}</p>
    <h1>{{% if profile.traits.firstName %}}{by_name}{{% else %}}{headline}{{% endif %}}</h1>
    <p>{category.line}</p>
    <p><a class="button" href="/demo/?category={category.slug}#products">{button}</a></p>
  </div>
</article>"""


SEGMENTS: tuple[SegmentContent, ...] = (
    *(SegmentContent(f"likes-{each.slug}", f"Likes {each.name}", _likes(each)) for each in CATEGORIES),
    SegmentContent(
        "basket-waiting",
        "Has a basket waiting",
        _condition(
            {
                "id": "all",
                "kind": "and",
                "children": [
                    _did("added", "Product Added", last=30, unit="minutes"),
                    _did("ordered", "Order Completed", op="at_most", value=0, last=30, unit="minutes"),
                ],
            }
        ),
    ),
    SegmentContent("customer", "Customer", _condition(_did("ordered", "Order Completed", last=90, unit="days"))),
    SegmentContent(
        "keen-browser",
        "Keen browser",
        _condition(_did("viewed", "Product Viewed", value=5, last=1, unit="minutes")),
    ),
    SegmentContent(
        "lives-nearby",
        "Lives in the Netherlands",
        _condition({"id": "country", "kind": "trait", "trait": "country", "op": "is", "value": "Netherlands"}),
    ),
)

# Slug, name, the segment it is for, and the line in two parts.
PROMO_LINES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "promo-delivery",
        "Free delivery nearby",
        "lives-nearby",
        "Free delivery in the Netherlands,",
        "whatever you order.",
    ),
    (
        "promo-thanks",
        "Thanks to a customer",
        "customer",
        "Thank you for your order.",
        "The next one comes with 10% off.",
    ),
    (
        "promo-keen",
        "Help for a keen browser",
        "keen-browser",
        "Five things in one minute!",
        "Shall we help you choose?",
    ),
    (
        "promo-basket",
        "A basket is waiting",
        "basket-waiting",
        "Your basket is waiting.",
        "Order today and it leaves tomorrow.",
    ),
)


def list_blocks(static_url: str) -> tuple[BlockContent, ...]:
    """The shop's blocks; `static_url` is where the pictures are served, as in STATIC_URL."""
    banners = [
        BlockContent(f"{each.slug}-banner", f"{each.name} banner", _banner(each, static_url)) for each in CATEGORIES
    ]
    lines = [
        BlockContent(slug, name, f'<p class="promo {slug}"><b>{strong}</b> <span>{rest}</span></p>')
        for slug, name, _, strong, rest in PROMO_LINES
    ]
    return (*banners, *lines)


# Priorities rise along the category chips, so that trying one after the other always changes the banner.
RULES: tuple[RuleContent, ...] = (
    *(
        RuleContent(
            f"{each.slug}-hero",
            f"{each.name} fans",
            HERO_SLOT,
            f"{each.slug}-banner",
            priority,
            in_segment(f"likes-{each.slug}"),
        )
        for priority, each in zip(range(10, 1000, 10), CATEGORIES, strict=False)
    ),
    *(
        RuleContent(slug, name, PROMO_SLOT, slug, priority, in_segment(segment))
        for priority, (slug, name, segment, _, _) in zip(range(10, 1000, 10), PROMO_LINES, strict=False)
    ),
)
