"""Templates that a marketer starts from: whole drafts of segment, block, offer and rule, not live until somebody has
looked at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from rules.applying import apply_definition
from rules.definitions import SlotDefinition
from rules.describe import KINDS
from rules.drafts import save_draft
from rules.fitting import list_kinds
from rules.models import Block, Revision, Rule, Slot

Definition = Mapping[str, Any]

STEP = 10  # of priorities
SLUG_LENGTH = 64
DRAWN = ("html", "json")  # kinds of block a starter has, the first that the slot takes


class UnknownStarter(ValueError):
    """There is no template of this name."""


class DoesNotFit(ValueError):
    """The slot takes none of the kinds of block that the template has."""


@dataclass(frozen=True)
class Starter:
    """A template. `summary` says who sees what, `adapt` what is to be looked at before it goes live; the definitions
    are as rules.applying takes them. In `html` and `json` stands the block, for pages and for sites that draw it."""

    name: str
    title: str
    summary: str
    adapt: str
    segment: Definition
    html: str
    json: str
    offer: Definition | None = None


def _tree(root: Definition) -> Definition:
    return {"v": 1, "root": root}


def _days(number: int) -> Definition:
    return {"last": number, "unit": "days"}


FREQUENT = _tree(
    {
        "id": "bought",
        "kind": "event",
        "event": "Order Completed",
        "op": "more_than",
        "value": 3,
        "window": _days(30),
    }
)

STARTERS = (
    Starter(
        name="summer-sale",
        title=_("Browsing summer apparel: a sale banner with a personal code"),
        summary=_(
            "Whoever viewed summer apparel in the last 7 days sees the banner, with a discount code of their own."
        ),
        adapt=_("Write the names of your own categories into the segment, and bring codes into the offer."),
        segment={
            "name": "Browses summer apparel",
            "description": "Viewed a product of summer apparel in the last 7 days.",
            "condition": _tree(
                {
                    "id": "viewed",
                    "kind": "event",
                    "event": "Product Viewed",
                    "where": [{"property": "category", "op": "in", "value": ["Summer apparel", "Summer wear"]}],
                    "window": _days(7),
                }
            ),
        },
        offer={"name": "Summer sale", "kind": "code", "every": "campaign"},
        html="<section>\n"
        "  <h2>The summer sale is on</h2>\n"
        "  {% if offer.code %}<p>Your own code: <strong>{{ offer.code }}</strong></p>{% endif %}\n"
        "</section>",
        json='{"headline": "The summer sale is on", "code": "{{ offer.code | default: \'\' }}"}',
    ),
    Starter(
        name="loyalty-points",
        title=_("More than 3 purchases a month: loyalty points"),
        summary=_("Whoever bought more than 3 times in the last 30 days gets 100 points, once, and reads of it."),
        adapt=_("Choose how many points they get, and how often."),
        segment={
            "name": "Buys more than 3 times a month",
            "description": "Completed more than 3 orders in the last 30 days.",
            "condition": FREQUENT,
        },
        offer={"name": "Thanks for coming back", "kind": "points", "points": 100, "every": "campaign"},
        html="<section>\n"
        "  <h2>Thank you for shopping with us</h2>\n"
        "  {% if offer.points %}<p>{{ offer.points }} points are yours.</p>{% endif %}\n"
        "</section>",
        json='{"headline": "Thank you for shopping with us", "points": "{{ offer.points | default: \'\' }}"}',
    ),
    Starter(
        name="early-access",
        title=_("More than 3 purchases a month: early access"),
        summary=_("Whoever bought more than 3 times in the last 30 days sees what is new before everybody else."),
        adapt=_("Write the address of what is new into the block. Your site lets in whom the offer was granted to."),
        segment={
            "name": "Regular of this month",
            "description": "Completed more than 3 orders in the last 30 days.",
            "condition": FREQUENT,
        },
        offer={"name": "Early access", "kind": "early_access", "every": "campaign"},
        html="<section>\n"
        "  <h2>Be the first to see what is new</h2>\n"
        '  <p><a href="/new/">Come in before the doors open</a></p>\n'
        "</section>",
        json='{"headline": "Be the first to see what is new", "url": "/new/"}',
    ),
    Starter(
        name="cart-abandoned",
        title=_("Cart abandoned for 1 hour: a reminder"),
        summary=_("Whoever put something into the cart, and did not buy in the hour after, is reminded for a day."),
        adapt=_("Write the address of your cart into the block."),
        segment={
            "name": "Left a cart for an hour",
            "description": "Added a product, and did not order in the hour after it, nor otherwise in the last day.",
            "condition": _tree(
                {
                    "id": "all",
                    "kind": "and",
                    "children": [
                        {
                            "id": "left",
                            "kind": "sequence",
                            "window": _days(1),
                            "steps": [
                                {"event": "Product Added"},
                                {
                                    "event": "Order Completed",
                                    "within": {"amount": 1, "unit": "hours"},
                                    "did": False,
                                },
                            ],
                        },
                        {
                            "id": "unsold",
                            "kind": "event",
                            "event": "Order Completed",
                            "did": False,
                            "window": _days(1),
                        },
                    ],
                }
            ),
        },
        html="<section>\n"
        "  <h2>Your cart is waiting</h2>\n"
        '  <p><a href="/cart/">Go on where you left off</a></p>\n'
        "</section>",
        json='{"headline": "Your cart is waiting", "url": "/cart/"}',
    ),
    Starter(
        name="first-visit",
        title=_("First visit: a welcome"),
        summary=_("Whoever came for the first time in their life, in the last 30 minutes, is welcomed."),
        adapt=_("Say in the block what a newcomer should know."),
        segment={
            "name": "First visit",
            "description": "Viewed a page for the first time within the last 30 minutes.",
            "condition": _tree(
                {
                    "id": "first",
                    "kind": "event",
                    "event": "Page Viewed",
                    "measure": "first",
                    "op": "within_last",
                    "value": {"amount": 30, "unit": "minutes"},
                }
            ),
        },
        html="<section>\n"
        "  <h2>Welcome</h2>\n"
        "  <p>It is your first time here: this is what we are about.</p>\n"
        "</section>",
        json='{"headline": "Welcome", "text": "It is your first time here: this is what we are about."}',
    ),
    Starter(
        name="came-back",
        title=_("Came back after 30 days: welcome back"),
        summary=_("Whoever was here before, stayed away for more than 30 days, and is here now is welcomed back."),
        adapt=_("Say in the block what is new since."),
        segment={
            "name": "Came back after 30 days",
            "description": "Is here now, was here more than 30 days ago, and no visit in between has ended.",
            "condition": _tree(
                {
                    "id": "all",
                    "kind": "and",
                    "children": [
                        {
                            "id": "here",
                            "kind": "event",
                            "event": "Page Viewed",
                            "window": {"last": 1, "unit": "hours"},
                        },
                        {
                            "id": "known",
                            "kind": "event",
                            "event": "Page Viewed",
                            "measure": "first",
                            "op": "longer_ago_than",
                            "value": {"amount": 30, "unit": "days"},
                        },
                        {
                            # A page that no other one followed for an hour was the end of a visit.
                            "id": "away",
                            "kind": "sequence",
                            "did": False,
                            "window": _days(30),
                            "steps": [
                                {"event": "Page Viewed"},
                                {"event": "Page Viewed", "within": {"amount": 1, "unit": "hours"}, "did": False},
                            ],
                        },
                    ],
                }
            ),
        },
        html="<section>\n"
        "  <h2>Good to see you again</h2>\n"
        "  <p>A few things are new since you were here.</p>\n"
        "</section>",
        json='{"headline": "Good to see you again", "text": "A few things are new since you were here."}',
    ),
)


@transaction.atomic
def apply_starter(name: str, *, slot: Slot, by: User | None, at: datetime) -> Rule:
    """The drafts of a template, in a slot, above its other rules; returns the rule. Neither it nor its segment is live,
    so that nothing changes by publishing until they are. Raises UnknownStarter, DoesNotFit and, of a place with drafts
    that cannot be, rules.validating.BadDraft."""
    starter = next((each for each in STARTERS if each.name == name), None)
    if starter is None:
        raise UnknownStarter(f"there is no template {name}; choose one of {', '.join(each.name for each in STARTERS)}")
    takes = list_kinds(SlotDefinition(channel=slot.channel, kinds=tuple(slot.kinds)))  # type: ignore[arg-type]  # choices
    kind = next((kind for kind in DRAWN if kind in takes), None)
    if kind is None:
        said = gettext("%(slot)s takes %(kinds)s; choose a slot that takes %(others)s")
        places = {"slot": slot, "kinds": " and ".join(takes), "others": " or ".join(DRAWN)}
        raise DoesNotFit(said % places)
    slug, note = _find_free_slug(starter), f"From the template {starter.title}"

    def make(kind: str, definition: Definition) -> None:
        save_draft(apply_definition(kind, slug, definition), by=by, at=at, note=note[:200])

    highest = slot.rules.aggregate(highest=Max("priority"))["highest"]
    named = starter.segment["name"]
    make("segment", {**starter.segment, "live": False})
    make("block", {"name": named, "kind": kind, "source": starter.html if kind == Block.Kind.HTML else starter.json})
    if starter.offer is not None:
        make("offer", starter.offer)
    rule = {
        "name": named,
        "slot": slot.slug,
        "block": slug,
        "offer": slug if starter.offer is not None else None,
        "condition": _tree({"id": "who", "kind": "segment", "segment": slug}),
        "priority": 0 if highest is None else highest + STEP,
        "live": False,
    }
    make("rule", rule)
    return Rule.objects.get(slug=slug)


def _find_free_slug(starter: Starter) -> str:
    """One slug for all the drafts, which none of their kinds has or had: whoever was granted an offer that is gone
    would not be granted another one under its slug."""
    wanted = starter.name[: SLUG_LENGTH - 5]
    models = [*(KINDS[kind] for kind in ("segment", "block", "offer", "rule")), Revision]
    taken = {
        slug
        for model in models
        for slug in model._default_manager.filter(slug__startswith=wanted).values_list("slug", flat=True)
    }
    return next(slug for number in count(1) if (slug := f"{wanted}-{number}" if number > 1 else wanted) not in taken)
