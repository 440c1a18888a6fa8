"""Audiences that a marketer starts from: conditions that are whole, to be adapted and saved as a draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

Node = dict[str, Any]

CATEGORY = "Outdoor"  # stands in for one of the shop's own


@dataclass(frozen=True)
class Starter:
    """`description` says who is in it, `adapt` what one looks at before saving; `events` have to arrive for it."""

    slug: str
    name: Any
    description: Any
    adapt: Any
    icon: str
    root: Mapping[str, Any]
    events: tuple[str, ...] = ()

    @property
    def condition(self) -> dict[str, Any]:
        return {"v": 1, "root": dict(self.root)}


def _days(number: int) -> Node:
    return {"last": number, "unit": "days"}


def _did(id: str, event: str, *, op: str = "at_least", value: int = 1, last: Node | None = None, **more: Any) -> Node:
    window = {} if last is None else {"window": last}
    return {"id": id, "kind": "event", "event": event, "op": op, "value": value, **window, **more}


def _all(*children: Node) -> Node:
    return {"id": "all", "kind": "and", "children": list(children)}


STARTERS = (
    Starter(
        slug="viewed-a-category",
        name=_("Interested in a category"),
        description=_("Viewed products of one category at least twice in the last 7 days."),
        adapt=_("Choose your own category, and how often they looked."),
        icon="eye",
        root=_did(
            "viewed",
            "Product Viewed",
            value=2,
            last=_days(7),
            where=[{"property": "category", "op": "is", "value": CATEGORY}],
        ),
        events=("Product Viewed",),
    ),
    Starter(
        slug="abandoned-basket",
        name=_("Abandoned basket"),
        description=_("Put something into the basket in the last 2 days and did not order since."),
        adapt=_("Choose how long they have to come back by themselves."),
        icon="tag",
        root=_all(
            _did("added", "Product Added", last={"last": 2, "unit": "days"}),
            _did("not-ordered", "Order Completed", did=False, last={"last": 2, "unit": "days"}),
        ),
        events=("Product Added", "Order Completed"),
    ),
    Starter(
        slug="win-back",
        name=_("Bought, but not lately"),
        description=_("Have ordered before, and not in the last 60 days."),
        adapt=_("Choose after how many days you miss somebody."),
        icon="history",
        root=_all(
            _did("ordered", "Order Completed"),
            _did("not-lately", "Order Completed", did=False, last=_days(60)),
        ),
        events=("Order Completed",),
    ),
    Starter(
        slug="new-visitors",
        name=_("New visitors"),
        description=_("Saw their first page within the last 7 days, and have not ordered yet."),
        adapt=_("Choose for how long somebody is new to you."),
        icon="sparkles",
        root=_all(
            {
                "id": "first-page",
                "kind": "event",
                "event": "Page Viewed",
                "measure": "first",
                "op": "within_last",
                "value": {"amount": 7, "unit": "days"},
            },
            _did("not-ordered", "Order Completed", did=False),
        ),
        events=("Page Viewed",),
    ),
    Starter(
        slug="high-spenders",
        name=_("High spenders"),
        description=_("Ordered for more than 200 in all in the last 90 days."),
        adapt=_("Choose the sum, in the currency of your orders."),
        icon="star",
        root={
            "id": "spent",
            "kind": "event",
            "event": "Order Completed",
            "measure": "sum",
            "of": "value",
            "op": "more_than",
            "value": 200,
            "window": _days(90),
        },
        events=("Order Completed",),
    ),
    Starter(
        slug="newsletter-subscribers",
        name=_("Newsletter subscribers"),
        description=_("Said yes to the newsletter, as their trait “newsletter” says."),
        adapt=_("Choose the trait by which your site says so."),
        icon="mail",
        root={"id": "newsletter", "kind": "trait", "trait": "newsletter", "op": "is", "value": True},
    ),
    Starter(
        slug="from-a-campaign",
        name=_("Came from a campaign"),
        description=_("Followed a link of an e-mail campaign in the last 30 days."),
        adapt=_("Write the name of your own campaign."),
        icon="link",
        root=_did(
            "clicked",
            "Email Link Clicked",
            last=_days(30),
            where=[{"property": "campaign_name", "op": "is", "value": "spring-sale"}],
        ),
        events=("Email Link Clicked",),
    ),
    Starter(
        slug="birthday-soon",
        name=_("Birthday soon"),
        description=_("Have their birthday today or in the next 7 days, as their trait “birthday” says."),
        adapt=_("Choose the trait with the date, and how many days ahead."),
        icon="calendar",
        root={"id": "birthday", "kind": "trait", "trait": "birthday", "op": "anniversary", "value": 7},
    ),
)


def find_starter(slug: str) -> Starter | None:
    return next((each for each in STARTERS if each.slug == slug), None)
