"""Receipts of erasures: what was removed where, and when. They say who it was to nobody."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.erasures import RETENTION, match_receipts
from profiles.models import Erasure
from studio.lists import Column, Filter, Listing
from studio.pages import is_part, needs, show
from studio.roles import Ability

# What a receipt counts, and in words of a marketer.
REMOVED = {
    "events": gettext_lazy("Events of the archive"),
    "profiles": gettext_lazy("Profiles"),
    "identifiers": gettext_lazy("Identifiers"),
    "merges": gettext_lazy("Merges"),
    "segment changes": gettext_lazy("Enterings and leavings of audiences"),
    "evidence of mends": gettext_lazy("Evidence that the profile was put right"),
    "members of lists": gettext_lazy("Places in uploaded lists and snapshots"),
    "dead letters": gettext_lazy("Events that could not be processed"),
    "refusals": gettext_lazy("Events that were refused"),
    "decisions": gettext_lazy("Decisions"),
    "outcomes": gettext_lazy("What came of decisions"),
    "points": gettext_lazy("Entries of points"),
    "grants, without the person": gettext_lazy("Grants that name nobody any more"),
    "audit entries, without the person": gettext_lazy("Entries of the audit trail that name nobody any more"),
}
LISTING = Listing(
    columns=(
        Column(gettext_lazy("Receipt")),
        Column(gettext_lazy("State")),
        Column(gettext_lazy("Asked for"), ("requested",)),
        Column(gettext_lazy("By"), ("by",)),
        Column(gettext_lazy("Done"), ("done",)),
        Column(gettext_lazy("Rows removed"), more="number"),
    ),
    search=("by",),
    filters=(
        Filter(
            "state",
            gettext_lazy("Any state"),
            (("waiting", gettext_lazy("Under way")), ("done", gettext_lazy("Done"))),
            lambda rows, value: rows.filter(done__isnull=value == "waiting"),
        ),
    ),
    sort="-requested",
    match=match_receipts,
)


@needs(Ability.PRIVACY)
def show_receipts(request: HttpRequest) -> HttpResponse:
    listing = LISTING.show(request, Erasure.objects.exclude(by=RETENTION))
    return show(request, "studio/people/receipts.html", {"title": _("Receipts of erasures"), "listing": listing})


@needs(Ability.PRIVACY)
def show_receipt(request: HttpRequest, id: UUID) -> HttpResponse:
    """The receipt; as a part, how far it is."""
    receipt = Erasure.objects.filter(pk=id).first()
    if receipt is None:
        raise Http404("no such receipt")
    removed = [(REMOVED.get(what, what), count) for what, count in sorted(receipt.counts.items()) if count]
    context = {"title": _("Receipt of an erasure"), "receipt": receipt, "removed": removed}
    return show(
        request, "studio/people/receipt_body.html" if is_part(request) else "studio/people/receipt.html", context
    )
