"""Reads of offers for the pages: what they have left, how long that lasts, and who uses them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rules.models import Grant, Offer, OfferCode
from rules.stock import NOTHING, Stock, count_stock
from studio.lists import Column, Filter, Listing
from studio.standing import list_standings
from studio.uses import list_users, with_rules

LOOKED_BACK_DAYS = 7
SOON_DAYS = 3  # in which a stock that ends is worth a warning
LOW_SHARE = 0.1  # of all codes


@dataclass(frozen=True)
class Outlook:
    """The codes of an offer: what is left, how many were claimed in the last days, how many are being called back."""

    stock: Stock
    claimed_lately: int
    called_back: int

    @property
    def total(self) -> int:
        return self.stock.left + self.stock.granted

    @property
    def days_left(self) -> int | None:
        """How long they last if as many are claimed as lately."""
        if not self.claimed_lately:
            return None
        return int(self.stock.left * LOOKED_BACK_DAYS / self.claimed_lately)

    @property
    def is_low(self) -> bool:
        days = self.days_left
        return is_low(self.stock) or (days is not None and days < SOON_DAYS)


def is_low(stock: Stock) -> bool:
    return stock.left == 0 or stock.left < LOW_SHARE * (stock.left + stock.granted)


def look_ahead(offer: Offer, *, at: datetime) -> Outlook:
    since = at - timedelta(days=LOOKED_BACK_DAYS)
    lately = Grant.objects.filter(offer=offer.slug, at__gte=since).count()
    handed = OfferCode.objects.filter(offer=offer, granted=None).exclude(handed=None)
    called_back = handed.exclude(withdrawn=None).count()
    return Outlook(count_stock([offer])[offer.slug], lately, called_back)


def list_offers() -> QuerySet[Offer]:
    return Offer.objects.prefetch_related(with_rules())


def add_columns(offers: Iterable[Any]) -> list[Any]:
    """The offers of a page, each with its `stock`, whether that `is_low`, its `users` and its `standing`."""
    found: list[Any] = list(offers)
    stock = count_stock(found)
    for offer, standing in zip(found, list_standings(found), strict=True):
        offer.stock = stock.get(offer.slug, NOTHING)
        offer.is_low = offer.kind == Offer.Kind.CODE and is_low(offer.stock)
        offer.users, offer.standing = list_users(offer), standing
    return found


def list_claims(offer: Offer) -> QuerySet[Grant]:
    return Grant.objects.filter(offer=offer.slug)


OFFERS = Listing(
    columns=(
        Column(_("Name"), ("name",)),
        Column(_("Kind"), ("kind", "name")),
        Column(_("Left"), (), "number"),
        Column(_("Claimed"), (), "number"),
        Column(_("How often"), ("every", "name")),
        Column(_("Used by")),
        Column(_("Status")),
        Column(_("Changed"), ("updated",)),
    ),
    search=("name", "slug"),
    filters=(Filter("kind", _("Any kind"), Offer.Kind.choices, lambda rows, kind: rows.filter(kind=kind)),),
    sort="name",
)
CLAIMS = Listing(
    columns=(
        Column(_("When"), ("at",)),
        Column(_("Who")),
        Column(_("What")),
        Column(_("Period"), ("period", "-at")),
        Column(_("Why")),
    ),
    filters=(
        Filter(
            "days",
            _("Any time"),
            (("1", _("Last 24 hours")), ("7", _("Last 7 days")), ("30", _("Last 30 days"))),
            lambda rows, days: rows.filter(at__gte=timezone.now() - timedelta(days=int(days))),
        ),
    ),
    sort="-at",
)
LEDGER = Listing(
    columns=(Column(_("When"), ("at",)), Column(_("Points"), ("points",), "number"), Column(_("Why"))),
    search=("note", "offer"),
    sort="-at",
)
EVERYBODY = Listing(
    columns=(
        Column(_("When"), ("at",)),
        Column(_("Who")),
        Column(_("Points"), ("points",), "number"),
        Column(_("Why")),
    ),
    search=("note", "offer"),
    sort="-at",
)
