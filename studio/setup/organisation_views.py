"""The page of the organisation: what is chosen on it, and what the environment says besides."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion.organising import KIND, BadOrganisation, OrganisationOvertaken, change_organisation
from personalization.checkup import read_version
from profiles.models import AuditEntry
from profiles.organisation import Organisation, read_organisation
from rules.models import Book
from rules.queries import list_asking
from studio.pages import StudioRequest, find_by, needs, refuse, show
from studio.roles import Ability
from studio.setup.organisation import list_groups
from studio.setup.organisation_forms import FORMS, OrganisationForm

SAVED = {
    "time": _("Saved. These pages go by it now, conditions and caps from the next publication on."),
    "consent": _("Saved. Rules may ask for these purposes from now on."),
    "retention": _("Saved. Profiles go by it within a second; what is too old elsewhere goes in the coming night."),
}


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_organisation(request: StudioRequest) -> HttpResponse:
    """With POST: one of its forms is saved, or its page says why not."""
    sent: dict[str, OrganisationForm] = {}
    if request.method == "POST":
        if not request.visitor.may(Ability.SET_UP):
            return refuse(request, request.visitor, Ability.SET_UP)
        part = request.POST.get("part", "")
        if part not in FORMS:
            return redirect("studio:organisation")
        sent[part] = FORMS[part](request.POST, now=read_organisation())
        if _save(request, sent[part]):
            return redirect(f"{reverse('studio:organisation')}#{part}")
    now = read_organisation()
    forms = {each: form(now=now) for each, form in FORMS.items()} | sent
    book = Book.objects.order_by("-number").values_list("number", "payload__zone").first()
    asking: dict[str, list[Any]] = {purpose: [] for purpose in now.purposes}
    for each in list_asking():
        asking.setdefault(each.purpose, []).append(each)
    context = {
        "title": _("Organisation"),
        **forms,
        "now": now,
        "asking": asking,
        "undeclared": [purpose for purpose in asking if purpose not in now.purposes],
        "book": None if book is None or (book[1] or "UTC") == now.zone else book,
        "groups": list(list_groups()),
        "version": read_version(),
    }
    return show(request, "studio/setup/organisation.html", context, status=422 if sent else 200)


def _save(request: StudioRequest, form: OrganisationForm) -> bool:
    """Whether it is as the form says; else the form says why not."""
    if not form.is_valid():
        return False
    seen = -1 if form.cleaned_data["seen"] is None else form.cleaned_data["seen"]
    try:
        is_changed = change_organisation(form.read(), seen=seen, by=find_by(request), at=timezone.now())
    except BadOrganisation as error:
        for field, message in error.problems:
            form.add_error(field, message)
        return False
    except OrganisationOvertaken as error:
        form.tell_overtaken(error.now.version, _say_overtaken(form, error.now))
        return False
    if is_changed:
        messages.success(request, SAVED[form.part])
    else:
        messages.info(request, gettext("There was nothing to save: it says what it said."))
    return True


def _say_overtaken(form: OrganisationForm, now: Organisation) -> str:
    """Who has saved it meanwhile, and what it says of this part."""
    actor = AuditEntry.objects.filter(kind=KIND).values_list("actor", flat=True).first()
    says = []
    for field in form.chosen:
        value = getattr(now, field)
        said = (", ".join(value) or gettext("none")) if isinstance(value, tuple) else value
        says.append(f"{form.fields[field].label}: {said}")
    told = gettext("%(name)s has saved this page since you opened it. It says now: %(now)s.")
    return told % {"name": actor or gettext("Somebody else"), "now": "; ".join(says)}
