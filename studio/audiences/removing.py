"""Removing an audience that nothing needs, and what was removed and can come back."""

from django.contrib import messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rules.drafts import InUse, Overtaken
from rules.models import Revision
from rules.revisions import list_removed
from rules.uses import remove_unused
from segments.standing import find_standing
from studio.audiences.finding import find_segment, show_about
from studio.pages import find_by, needs, show
from studio.roles import Ability
from studio.saving import read_seen
from studio.uses import find_users


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Who uses it and, where nobody does, whether it is meant; with POST: it is removed."""
    segment = find_segment(slug)
    if request.method == "POST":
        try:
            remove_unused(segment, by=find_by(request), at=timezone.now(), expected=read_seen(request))
        except InUse:
            messages.error(request, gettext("Nothing was removed: it is used, as said below."))
            return redirect("studio:audience_remove", slug)
        except Overtaken:
            messages.error(
                request, gettext("Nothing was removed: somebody has changed it meanwhile. Look at it again.")
            )
            return redirect("studio:audience", slug)
        messages.success(request, gettext("“%(name)s” is removed. It can be restored.") % {"name": segment.name})
        return redirect("studio:audiences_removed")
    standing = find_standing(segment)
    context = {
        "title": _("Remove"),
        "users": find_users([slug]).get(slug, []),
        "listed": None if standing is None else standing.people,
    }
    return show_about(request, "remove", segment, context)


@needs(Ability.LOOK)
def show_removed(request: HttpRequest) -> HttpResponse:
    removed = list_removed("segment")
    said = Revision.objects.filter(kind="segment", slug__in=[each.slug for each in removed], definition__isnull=False)
    last = dict(said.values_list("slug").annotate(Max("version")).order_by())
    names = {
        (each.slug, each.version): each.definition["name"]
        for each in said.filter(version__in=last.values())
        if each.definition
    }
    rows = [(each, last.get(each.slug), names.get((each.slug, last.get(each.slug, 0)), each.slug)) for each in removed]
    return show(request, "studio/audiences/removed.html", {"title": _("Removed audiences"), "rows": rows})
