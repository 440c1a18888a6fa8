"""The pages of offers: the list, a new one, one with its stock, and who claimed it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext

from rules.models import Offer
from rules.stock import list_holds
from studio.offers.forms import OfferForm
from studio.offers.queries import CLAIMS, OFFERS, add_columns, list_claims, list_offers, look_ahead
from studio.pages import StudioRequest, needs, refuse, show
from studio.people.names import name_people
from studio.roles import Ability
from studio.saving import save_form, try_to_remove
from studio.standing import find_standing
from studio.uses import list_users


@needs(Ability.LOOK)
def show_offers(request: HttpRequest) -> HttpResponse:
    listing = OFFERS.show(request, list_offers())
    context = {"title": gettext("Offers"), "listing": listing, "offers": add_columns(listing.rows)}
    return show(request, "studio/offers/list.html", context)


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_offer_new(request: HttpRequest) -> HttpResponse:
    form = OfferForm(request.POST or None, instance=Offer())
    if request.method == "POST" and save_form(request, form):
        return redirect("studio:offer", form.instance.slug)
    context = {"title": gettext("New offer"), "form": form}
    return show(request, "studio/offers/new.html", context, status=422 if form.errors else 200)


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_offer(request: StudioRequest, slug: str) -> HttpResponse:
    """The offer and its stock; with POST the draft is saved."""
    offer = get_object_or_404(Offer, slug=slug)
    name = offer.name
    form = OfferForm(request.POST or None, instance=offer)
    if request.method == "POST":
        if not request.visitor.may(Ability.EDIT):
            return refuse(request, request.visitor, Ability.EDIT)
        if save_form(request, form):
            return redirect("studio:offer", slug)
    stored = list_offers().get(pk=offer.pk)
    context: dict[str, Any] = {
        "title": name,
        "offer": stored,
        "form": form,
        "standing": find_standing(stored),
        "outlook": look_ahead(stored, at=timezone.now()),
        "users": list_users(stored),
        "kinds": Offer.Kind,
    }
    return show(request, "studio/offers/offer.html", context, status=422 if form.errors else 200)


@needs(Ability.PEOPLE)
def show_claims(request: StudioRequest, slug: str) -> HttpResponse:
    """Who was granted it, the newest first."""
    offer = get_object_or_404(Offer, slug=slug)
    listing = CLAIMS.show(request, list_claims(offer))
    names = name_people([grant.profile_id for grant in listing.rows], sees=request.visitor.sees_personal_data)
    context = {
        "title": gettext("Claimed: %(name)s") % {"name": offer.name},
        "offer": offer,
        "listing": listing,
        "claims": [(grant, names[grant.profile_id].full) for grant in listing.rows],
    }
    return show(request, "studio/offers/claims.html", context)


@needs(Ability.EDIT, methods=("GET", "POST"))
def remove_offer(request: HttpRequest, slug: str) -> HttpResponse:
    """Removed with the codes that nobody has, unless something grants it; what was granted of it stays granted."""
    offer = get_object_or_404(Offer, slug=slug)
    if request.method != "POST":
        return redirect("studio:offer", slug)
    holds = list_holds(offer)
    if holds:
        messages.error(request, gettext("Nothing was removed: %(why)s.") % {"why": "; ".join(holds)})
    if holds or not try_to_remove(request, offer):
        return redirect("studio:offer", slug)
    said = gettext("“%(name)s” is removed. Its history can bring it back, without its codes.") % {"name": offer.name}
    messages.success(request, said)
    return redirect("studio:offer_history", slug)
