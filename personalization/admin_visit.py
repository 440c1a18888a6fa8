"""The operators' page that makes a link to the real site as somebody sees it."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import format_lazy
from django.views.decorators.http import require_http_methods

from personalization.visiting import Visit, make_link
from personalization.wiring import clock, make_sealer
from profiles.models import StoredProfile
from profiles.organisation import lazy_zone
from profiles.queries import find_profiles
from rules.models import Book

LOOK = ("rules.view_book", "profiles.view_storedprofile")


class VisitForm(forms.Form):
    url = forms.URLField(
        label="Page",
        assume_scheme="https",
        help_text="Of a site with the snippet on it.",
        widget=forms.URLInput({"class": "vTextField"}),
    )
    person = forms.CharField(
        required=False,
        max_length=512,
        label="As",
        help_text="A user id, an anonymous id or a profile id; empty: somebody of whom nothing is known.",
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
    )
    at = forms.DateTimeField(
        required=False,
        label="At",
        help_text=format_lazy("A past or future moment ({zone}); empty: now.", zone=lazy_zone()),
        widget=forms.DateTimeInput({"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
        input_formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
    )
    draft = forms.BooleanField(required=False, label="With the draft", help_text="Instead of the Book in force.")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValidationError("Give the address of a web page.")
        return url

    def clean_person(self) -> str | None:
        """The id of the profile."""
        term = str(self.cleaned_data["person"]).strip()
        if not term:
            return None
        known = StoredProfile.objects.filter(pk__in=find_profiles(term)).values_list("pk", flat=True).first()
        if known is None:
            raise ValidationError("Nobody is known by this id.")
        return known.hex


@require_http_methods(["GET", "HEAD", "POST"])
def show_visit(request: HttpRequest) -> HttpResponse:
    """The form; with POST the link, which anybody can open for an hour."""
    if not request.user.has_perms(LOOK):
        raise PermissionDenied
    form = VisitForm(request.POST) if request.method == "POST" else VisitForm(initial=request.GET.dict())
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "See the site as somebody",
        "opts": Book._meta,
        "form": form,
    }
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
        at: datetime | None = asked["at"]
        moment = None if at is None else int(at.timestamp() * 1_000)
        visit = Visit(asked["person"], moment, asked["draft"], request.user.get_username())
        context["link"] = make_link(asked["url"], visit, sealer=make_sealer(), now=clock())
    return TemplateResponse(request, "admin/rules/visit.html", context)
