"""The pages of an offer's codes: brought in, made, called back."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from profiles.writing import write_number
from rules.codes import NobodyGetsOne, NoCodes, Uploaded, generate_codes, upload_codes, withdraw_codes
from rules.models import Offer
from rules.stock import count_stock
from segments.upload_lines import BadUpload
from studio.offers.forms import CodesForm, GenerateForm
from studio.offers.watched import Stopped, WatchedFile, read_progress, stop
from studio.pages import find_by, needs, show
from studio.roles import Ability
from studio.uploads import leave_for


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_upload(request: HttpRequest, slug: str) -> HttpResponse:
    """The form and, with POST: the codes of the file are the offer's, and what was left out is said."""
    offer = _find(slug)
    form = CodesForm(request.POST or None, request.FILES or None)
    problems: Any = []
    uploaded = None
    if request.method == "POST" and form.is_valid():
        file = WatchedFile(form.cleaned_data["file"], _name_watch(request, slug))
        try:
            uploaded = upload_codes(
                offer,
                file,  # type: ignore[arg-type]  # as much of a file as is read
                column=form.cleaned_data["column"],
                most=settings.PZ_MAX_LIST_BYTES,
                by=find_by(request),
                at=timezone.now(),
            )
        except Stopped:
            form.add_error("file", gettext("It was cancelled. Nothing was changed."))
        except (BadUpload, NoCodes) as error:
            form.add_error("file", str(error))
            problems = error.problems if isinstance(error, NobodyGetsOne) else []
        else:
            messages.success(request, say_uploaded(uploaded))
            if not uploaded.problems:
                return leave_for(request, "studio:offer", slug)
            form, problems = CodesForm(), uploaded.problems
        finally:
            file.forget()
    context = {
        "title": gettext("Upload codes"),
        "offer": offer,
        "form": form,
        "problems": problems,
        "uploaded": uploaded,
        "most_megabytes": settings.PZ_MAX_LIST_BYTES // 1_000_000,
    }
    return show(request, "studio/offers/upload.html", context, status=422 if form.errors else 200)


@needs(Ability.EDIT, methods=("GET", "POST"))
def show_progress(request: HttpRequest, slug: str) -> HttpResponse:
    """How far the reading of the file is that this login uploads; with POST it is stopped."""
    name = _name_watch(request, slug)
    if request.method == "POST":
        stop(name)
        return HttpResponse(status=204)
    percent = read_progress(name)
    if percent is None:
        return JsonResponse({})
    said = gettext("Reading: %(percent)s%%") % {"percent": percent}
    return JsonResponse({"percent": percent, "said": said if percent < 100 else gettext("Storing…")})


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_generate(request: HttpRequest, slug: str) -> HttpResponse:
    """The form and, with POST: so many new codes are the offer's."""
    offer = _find(slug)
    form = GenerateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            added = generate_codes(
                offer,
                count=said["count"],
                prefix=said["beginning"],
                length=said["length"],
                by=find_by(request),
                at=timezone.now(),
            )
        except NoCodes as error:
            form.add_error(None, str(error))
        else:
            told = ngettext("%(number)s code is made.", "%(number)s codes are made.", added)
            messages.success(request, told % {"number": write_number(added)})
            return leave_for(request, "studio:offer", slug)
    context = {"title": gettext("Generate codes"), "offer": offer, "form": form}
    return show(request, "studio/offers/generate.html", context, status=422 if form.errors else 200)


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks whether it is meant, and with POST: the codes that nobody was granted are no more."""
    offer = _find(slug)
    if request.method == "POST":
        withdrawn = withdraw_codes(offer, by=find_by(request), at=timezone.now())
        told = ngettext("%(number)s code is withdrawn.", "%(number)s codes are withdrawn.", withdrawn)
        messages.success(request, told % {"number": write_number(withdrawn)})
        return redirect("studio:offer", slug)
    context = {"title": gettext("Withdraw codes"), "offer": offer, "stock": count_stock([offer])[offer.slug]}
    return show(request, "studio/offers/withdraw.html", context)


def say_uploaded(uploaded: Uploaded) -> str:
    """What the lines of a file came to, in words."""
    said = ngettext("%(number)s code came in.", "%(number)s codes came in.", uploaded.added)
    parts = [said % {"number": write_number(uploaded.added)}]
    if uploaded.duplicates:
        said = ngettext(
            "%(number)s line has a code that is not new.",
            "%(number)s lines have a code that is not new.",
            uploaded.duplicates,
        )
        parts.append(said % {"number": write_number(uploaded.duplicates)})
    if uploaded.refused:
        said = ngettext("%(number)s line was left out.", "%(number)s lines were left out.", uploaded.refused)
        parts.append(said % {"number": write_number(uploaded.refused)})
    return " ".join(parts)


def _find(slug: str) -> Offer:
    return get_object_or_404(Offer, slug=slug, kind=Offer.Kind.CODE)


def _name_watch(request: HttpRequest, slug: str) -> str:
    return f"{find_by(request).pk}:{slug}"
