"""What somebody has a right to: everything that is known of them as a file, and to be forgotten."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ingestion.log import LogUnavailable
from personalization.people import UnknownPerson, stream_export
from personalization.privacy import erase_by, export_by
from profiles.store import StoreUnavailable
from studio.forms import StudioForm
from studio.pages import find_by, needs, show
from studio.people.finding import Person, of_person
from studio.roles import Ability

AWAY = gettext_lazy("Redis is away. Try again once it is back.")
WORD = gettext_lazy("erase")


class EraseForm(StudioForm):
    """Whoever erases has to type a word, so that no click does it."""

    word = forms.CharField(
        max_length=20,
        label=gettext_lazy("Type the word “erase” to confirm"),
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def clean_word(self) -> str:
        said = str(self.cleaned_data["word"]).strip().casefold()
        if said != str(WORD).casefold():
            raise ValidationError(_("That is not the word. Nothing was erased."))
        return said


@needs(Ability.PRIVACY, methods=("GET", "HEAD", "POST"))
@of_person
def show_export(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Says what the file holds; with POST the file."""
    if request.method != "POST":
        return show(request, "studio/people/export.html", {"title": _("Export this person"), "person": person})
    try:
        pieces = export_by(person.id, by=find_by(request), at=timezone.now())
    except (StoreUnavailable, UnknownPerson):
        messages.error(request, str(AWAY))
        return redirect("studio:person_export", person.id)
    answer = StreamingHttpResponse(stream_export(pieces), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="person-{person.id}.json"'
    answer["Cache-Control"] = "no-store"
    return answer


@needs(Ability.PRIVACY, methods=("GET", "HEAD", "POST"))
@of_person
def show_erase(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Says who would be erased and what goes; with POST and the word asks for it."""
    form = EraseForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"title": _("Erase this person"), "person": person, "form": form}
    context |= {"former": len(person.ids) - 1, "events": sum(each.count for each in person.profile.events.values())}
    if not form.is_bound:
        return show(request, "studio/people/erase.html", context)
    if not form.is_valid():
        return show(request, "studio/people/erase.html", context, status=422)
    try:
        receipt = erase_by(person.id, by=find_by(request), at=timezone.now())
    except (StoreUnavailable, LogUnavailable):
        messages.error(request, str(AWAY))
        return redirect("studio:person_erase", person.id)
    return redirect("studio:erasure", receipt.pk)
