"""The operators' page that tries a condition before it is saved: numbers, people, and why one person matches."""

import json
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from personalization.preview import Previewer
from profiles.models import StoredProfile
from profiles.organisation import find_zone
from profiles.queries import find_profiles
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition
from segments.forms import ConditionField, PastField, arrange
from segments.models import Segment
from segments.roster import SNAPSHOT

LOOK = ("segments.view_segment", "profiles.view_storedprofile")
SHOWN = 5  # people explained at once


class PreviewForm(forms.Form):
    condition = ConditionField()
    slug = forms.SlugField(required=False, widget=forms.HiddenInput)
    at = PastField(required=False, label="As of", help_text="Leave it empty for now.")
    person = forms.CharField(
        required=False,
        max_length=512,
        help_text="A user id, an anonymous id or a profile id: why does this person match?",
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def show_preview(request: HttpRequest) -> HttpResponse:
    """With GET `segment`: the saved segment of that id. With POST: whatever condition is typed."""
    if not request.user.has_perms(LOOK):
        raise PermissionDenied
    segment = _find_segment(request.GET.get("segment", ""))
    if request.method == "POST":
        slug = request.POST.get("slug") or request.GET.get("slug", "")
        form = PreviewForm({**request.POST.dict(), "slug": slug, "at": _find_moment(request)})
    elif segment is not None:
        at = None if segment.as_of is None else timezone.localtime(segment.as_of).replace(tzinfo=None).isoformat()
        form = PreviewForm(
            {
                "condition": json.dumps(arrange(segment.condition), indent=2, ensure_ascii=False),
                "slug": segment.slug,
                "at": at,
            }
        )
    else:
        form = PreviewForm()
    context = {
        **admin.site.each_context(request),
        "title": "Preview",
        "opts": Segment._meta,
        "form": form,
        "zone": find_zone(),
    }
    if form.is_bound and form.is_valid():
        context |= look(form.cleaned_data)
    return TemplateResponse(request, "admin/segments/preview.html", context)


def look(asked: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of a valid form."""
    root = parse_condition(asked["condition"])
    at: datetime | None = asked["at"]
    previewer = Previewer(root, at=None if at is None else int(at.timestamp() * 1000), slug=asked["slug"])
    preview = previewer.look()
    people = sorted(find_profiles(asked["person"].strip())) if asked["person"] else []
    known = StoredProfile.objects.filter(pk__in=people[:SHOWN]).values_list("pk", flat=True)
    return {
        "words": say_condition(root),
        "preview": preview,
        "share": 100 * preview.counts.total / max(preview.counts.people, 1),
        "explained": [(id, previewer.explain(id)) for id in known],
        "is_unknown": bool(asked["person"]) and not known,
    }


def _find_moment(request: HttpRequest) -> str:
    """The moment that is asked for or, on the form of a snapshot, that it is of."""
    of_snapshot = request.POST.get("as_of", "") if request.POST.get("kind", SNAPSHOT) == SNAPSHOT else ""
    return request.POST.get("at", of_snapshot)


def _find_segment(id: str) -> Segment | None:
    return Segment.objects.filter(pk=id).first() if id.isascii() and id.isdigit() and len(id) < 19 else None
