"""What Ctrl-K finds: pages, what one may make, definitions and people by their names."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Model, Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from profiles.search import list_people, read_term
from rules.models import Block, Offer, Rule, Slot
from segments.models import Segment
from studio.pages import NAVIGATION, StudioRequest, needs, show
from studio.people.names import name_person
from studio.roles import Ability, Visitor

MAX_LETTERS = 100
EACH = 6  # of one kind
MAKE = (
    ("studio:audience_new", gettext_lazy("New audience"), Ability.EDIT),
    ("studio:rule_new", gettext_lazy("New rule"), Ability.EDIT),
    ("studio:block_new", gettext_lazy("New block"), Ability.EDIT),
    ("studio:offer_new", gettext_lazy("New offer"), Ability.EDIT),
    ("studio:slot_new", gettext_lazy("New slot"), Ability.EDIT),
)
FURTHER = (
    ("studio:slots", gettext_lazy("Slots"), Ability.LOOK),
    ("studio:blocks", gettext_lazy("Blocks"), Ability.LOOK),
    ("studio:offers", gettext_lazy("Offers"), Ability.LOOK),
    ("studio:rules_calendar", gettext_lazy("Calendar"), Ability.LOOK),
    ("studio:reviews", gettext_lazy("Reviews"), Ability.LOOK),
    ("studio:scheduled", gettext_lazy("Scheduled"), Ability.LOOK),
    ("studio:books", gettext_lazy("Books"), Ability.LOOK),
    ("studio:catalogue", gettext_lazy("Catalogue"), Ability.EVENTS),
    ("studio:dead_letters", gettext_lazy("Dead letters"), Ability.EVENTS),
    ("studio:back_tests", gettext_lazy("Back-tests"), Ability.PEOPLE),
    ("studio:sources", gettext_lazy("Sources"), Ability.LOOK),
    ("studio:source_new", gettext_lazy("New source"), Ability.SET_UP),
    ("studio:secret_keys", gettext_lazy("Secret keys"), Ability.SET_UP),
    ("studio:oauth_clients", gettext_lazy("OAuth clients"), Ability.SET_UP),
    ("studio:organisation", gettext_lazy("Organisation"), Ability.LOOK),
    ("studio:health", gettext_lazy("Health"), Ability.LOOK),
    ("studio:erasures", gettext_lazy("Receipts of erasures"), Ability.PRIVACY),
    ("studio:members", gettext_lazy("People and roles"), Ability.MEMBERS),
    ("studio:account", gettext_lazy("Your account"), Ability.LOOK),
)
DEFINITIONS: tuple[tuple[type[Model], str, object, str], ...] = (
    (Segment, "studio:audience", gettext_lazy("audience"), "users"),
    (Rule, "studio:rule", gettext_lazy("rule"), "list-checks"),
    (Block, "studio:block", gettext_lazy("block"), "layout-template"),
    (Slot, "studio:slot", gettext_lazy("slot"), "layout-dashboard"),
    (Offer, "studio:offer", gettext_lazy("offer"), "ticket-percent"),
)


class Found(NamedTuple):
    """Somewhere to go."""

    url: str
    name: str
    kind: str
    icon: str


@needs(Ability.LOOK)
def show_palette(request: StudioRequest) -> HttpResponse:
    words = request.GET.get("q", "").replace("\0", "").strip()[:MAX_LETTERS]
    visitor = request.visitor
    found = [*_find_pages(visitor, words), *_find_definitions(words), *_find_people(visitor, words)]
    return show(request, "studio/overview/palette.html", {"found": found, "words": words})


def _find_pages(visitor: Visitor, words: str) -> Iterable[Found]:
    """Pages and what one may make; without words the main ones."""
    for _title, pages in NAVIGATION:
        for url, name, icon, ability in pages:
            if visitor.may(ability) and words.lower() in str(name).lower():
                yield Found(reverse(url), str(name), _("page"), icon)
    for url, name, ability in MAKE:
        if visitor.may(ability) and words.lower() in str(name).lower():
            yield Found(reverse(url), str(name), _("make"), "plus")
    for url, name, ability in FURTHER:
        if words and visitor.may(ability) and words.lower() in str(name).lower():
            yield Found(reverse(url), str(name), _("page"), "chevron-right")


def _find_definitions(words: str) -> Iterable[Found]:
    if not words:
        return
    for model, url, kind, icon in DEFINITIONS:
        named = Q(name__icontains=words) | Q(slug__icontains=words)
        rows = model._default_manager.filter(named).order_by("name").values_list("slug", "name")[:EACH]
        for slug, name in rows:
            yield Found(reverse(url, args=[slug]), name, str(kind), icon)


def _find_people(visitor: Visitor, words: str) -> Iterable[Found]:
    """Who has exactly that id or e-mail address; people are searched for by other things on their own page."""
    if not words or not visitor.may(Ability.PEOPLE):
        return
    for each in list_people(read_term(words), limit=EACH).rows:
        who = name_person(each.id, each.user_id, each.traits, sees=visitor.sees_personal_data)
        yield Found(reverse("studio:person", args=[who.id]), who.name, _("person"), "circle-user")
