"""The site as somebody sees it: links to it, and what each slot would show them, with the reason. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import redis
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion.models import Source
from personalization import shop
from personalization.answering import Answered
from personalization.privacy import visit_by
from personalization.visiting import VISIT_MS, Visit
from personalization.wiring import make_visits
from rules.models import Slot
from segments.forms import PastField
from studio.forms import StudioForm
from studio.pages import find_by, needs, show
from studio.people.finding import Person, of_person
from studio.people.names import find_names
from studio.people.reasons import say_answer, say_suppressed
from studio.roles import Ability

MOST_SLOTS = 50
MOST_SITES = 20
MAX_TEXT = 280  # letters of a block


class MomentForm(StudioForm):
    """A moment, and by which definitions."""

    at = PastField(required=False, label=_("Moment"), help_text=_("Empty: now."))
    draft = forms.ChoiceField(
        label=_("By"),
        required=False,
        choices=(("", _("The Book in force")), ("draft", _("The drafts, as if they were published"))),
        widget=forms.RadioSelect,
    )

    def clean_draft(self) -> bool:
        return bool(self.cleaned_data["draft"] == "draft")


class VisitForm(MomentForm):
    page = forms.URLField(
        required=False,
        assume_scheme="https",
        max_length=2_000,
        label=_("Page"),
        help_text=_("Of a site with the snippet on it. Empty: the first page of each site."),
    )

    def clean_page(self) -> str:
        url = str(self.cleaned_data["page"])
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise ValidationError(gettext("Give the address of a web page."))
        return url


@needs(Ability.PERSONAL, methods=("GET", "HEAD", "POST"))
@of_person
def show_visit(request: HttpRequest, person: Person) -> HttpResponse:
    """The form; with POST the links, which whoever has them can open for an hour."""
    form = VisitForm(request.POST if request.method == "POST" else None)
    sites = list_sites(request)
    context: dict[str, Any] = {"title": _("See the site as this person"), "person": person, "form": form}
    context |= {"sites": sites, "minutes": VISIT_MS // 60_000}
    if not form.is_bound:
        return show(request, "studio/people/visit.html", context)
    if form.is_valid() and not (form.cleaned_data["page"] or sites):
        form.add_error("page", gettext("No site is known by its address: give the address of a page."))
    if not form.is_valid():
        return show(request, "studio/people/visit.html", context, status=422)
    asked = form.cleaned_data
    pages = [(asked["page"], asked["page"])] if asked["page"] else sites
    by, at = find_by(request), timezone.now()
    links = visit_by(person.id, [url for _, url in pages], moment=asked["at"], draft=asked["draft"], by=by, at=at)
    context |= {"links": [(name, link) for (name, _), link in zip(pages, links, strict=True)], "asked": asked}
    return show(request, "studio/people/visit.html", context)


def list_sites(request: HttpRequest) -> list[tuple[str, str]]:
    """The name and address of each site whose address is known."""
    found: list[tuple[str, str]] = []
    for source in Source.objects.filter(kind=Source.Kind.SITE).order_by("name")[:MOST_SITES]:
        if source.slug == shop.SOURCE_SLUG:
            found.append((source.name, request.build_absolute_uri(reverse("demo:home"))))
        found += [(source.name, f"{origin}/") for origin in source.origins if "*" not in origin]
    return found[:MOST_SITES]


@dataclass(frozen=True)
class Shown:
    """What one slot shows: the words why, and what is in the block, which only those see who see personal data."""

    slot: str
    url: str
    words: str
    suppressed: Sequence[str]
    text: str


@needs(Ability.PEOPLE)
@of_person
def show_slots(request: HttpRequest, person: Person) -> HttpResponse:
    form = MomentForm(request.GET if "asked" in request.GET else {})
    if not form.is_valid():
        return show(request, "studio/people/slots.html", {"form": form, "person": person}, status=422)
    asked = form.cleaned_data
    context: dict[str, Any] = {"form": form, "person": person}
    try:
        context["shown"] = list_shown(person, asked["at"], draft=asked["draft"], by=find_by(request).get_username())
    except redis.RedisError:
        context["problem"] = gettext("Redis is away. Try again once it is back.")
    except ValueError as error:
        context["problem"] = gettext("The drafts cannot be published as they are: %s") % error
    return show(request, "studio/people/slots.html", context)


def list_shown(person: Person, at: datetime | None, *, draft: bool, by: str) -> list[Shown]:
    slots = dict(Slot.objects.order_by("name").values_list("slug", "name")[:MOST_SLOTS])
    moment = None if at is None else int(at.timestamp() * 1_000)
    answer = make_visits().answer(Visit(person.id.hex, moment, draft, by), list(slots), {})
    told = {slug: _tell(slug, each) for slug, each in answer.slots.items()}
    names = find_names(answers=told.values())
    return [
        Shown(
            slots[slug],
            reverse("studio:slot", kwargs={"slug": slug}),
            say_answer(each, names),
            say_suppressed(each, names),
            _read_text(answer.slots[slug]) if person.sees else "",
        )
        for slug, each in told.items()
    ]


def _tell(slot: str, answered: Answered) -> dict[str, Any]:
    """As a decision keeps it."""
    said = _read(answered)
    return {
        "slot": slot,
        "reason": answered.reason.value,
        "block": said.get("fallbackFor") or said.get("slug"),
        "rule": answered.rule,
        "segments": answered.segments,
        "suppressed": msgspec.to_builtins(answered.suppressed),
    }


def _read(answered: Answered) -> dict[str, Any]:
    said = {} if answered.block is None else msgspec.json.decode(answered.block)
    return said if isinstance(said, dict) else {}


def _read_text(answered: Answered) -> str:
    """What is in a block, without its markup."""
    said = _read(answered)
    html = said.get("html") or said.get("text")
    text = " ".join(strip_tags(html).split()) if isinstance(html, str) else ""
    if not text and said.get("json") is not None:
        text = msgspec.json.encode(said["json"]).decode()
    return f"{text[:MAX_TEXT]}…" if len(text) > MAX_TEXT else text
