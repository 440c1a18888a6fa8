"""The list of audiences."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from rules.revisions import is_any_removed
from studio.audiences.listing import fill_rows, list_segments, make_listing
from studio.audiences.status import read_known
from studio.pages import needs, show
from studio.roles import Ability


@needs(Ability.LOOK)
def show_audiences(request: HttpRequest) -> HttpResponse:
    known = read_known()
    listing = make_listing(known).show(request, list_segments(known))
    context = {
        "title": _("Audiences"),
        "listing": listing,
        "filled": fill_rows(listing.rows, known),
        "removed": is_any_removed("segment"),
    }
    return show(request, "studio/audiences/list.html", context)
