"""The pages of back-tests: the drafts are tried on past decisions, with progress, and can be called off."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalization.backtesting import OPEN, TooManyBackTests, cancel_back_test, start_back_test
from rules.actions import CannotPublish
from rules.models import BackTest
from rules.queries import list_draft_changes, newest_book
from studio.decisions.trying import tell_trial
from studio.fields import MomentField
from studio.forms import StudioForm
from studio.lists import Column, Filter, Listing
from studio.pages import StudioRequest, find_by, needs, show
from studio.publish.queries import count_rows, group_alterations
from studio.roles import Ability

OWN = "own"
MOST_DAYS = 366
SPANS = (
    ("1", gettext_lazy("The last 24 hours")),
    ("7", gettext_lazy("The last 7 days")),
    ("30", gettext_lazy("The last 30 days")),
    ("90", gettext_lazy("The last 90 days")),
    (OWN, gettext_lazy("Between two moments")),
)
STATES = (
    ("waiting", gettext_lazy("Waiting")),
    ("running", gettext_lazy("Running")),
    ("done", gettext_lazy("Done")),
    ("failed", gettext_lazy("Failed")),
    ("cancelled", gettext_lazy("Cancelled")),
)
LOOKS = {"waiting": "tag-info", "running": "tag-info", "done": "tag-success", "failed": "tag-error", "cancelled": ""}
LISTING = Listing(
    columns=(
        Column(gettext_lazy("Started"), ("created",)),
        Column(gettext_lazy("State"), ("state",)),
        Column(gettext_lazy("Decisions from"), ("since",)),
        Column(gettext_lazy("To"), ("until",)),
        Column(gettext_lazy("Decisions"), ("total",), more="number"),
        Column(gettext_lazy("By"), ("by__username",)),
    ),
    search=("by__username",),
    filters=(Filter("state", gettext_lazy("Any state"), STATES, lambda rows, value: rows.filter(state=value)),),
    sort="-created",
)


class StartForm(StudioForm):
    """Which decisions are asked."""

    span = forms.ChoiceField(
        label=gettext_lazy("Decisions of"),
        choices=SPANS,
        initial="7",
        widget=forms.Select({"data-span": "#own-moments", "data-span-value": OWN}),
    )
    since = MomentField(
        label=gettext_lazy("From"),
        required=False,
    )
    until = MomentField(
        label=gettext_lazy("To"),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("span") == OWN:
            since, until = said.get("since"), said.get("until")
            for name in ("since", "until"):
                if not said.get(name) and name not in self.errors:
                    self.add_error(name, _("Say which moment."))
            if since and until and since >= until:
                self.add_error("until", _("It has to be after the beginning."))
            elif since and until and until - since > timedelta(days=MOST_DAYS):
                self.add_error("since", _("A year is the most."))
        return said

    def find_range(self, now: datetime) -> tuple[datetime, datetime]:
        said = self.cleaned_data
        if said["span"] == OWN:
            return said["since"], said["until"]
        return now - timedelta(days=int(said["span"])), now


@needs(Ability.PEOPLE, methods=("GET", "HEAD", "POST"))
def show_back_tests(request: StudioRequest) -> HttpResponse:
    """What was tried; with POST, what is live in the drafts is."""
    form = StartForm(request.POST) if request.method == "POST" else StartForm()
    reasons: tuple[str, ...] = ()
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        since, until = form.find_range(now)
        try:
            test = start_back_test(since=since, until=until, by=find_by(request), at=now)
        except CannotPublish as error:
            reasons = error.reasons
        except TooManyBackTests:
            reasons = (_("Enough back-tests are under way; wait until one has ended, or cancel one"),)
        else:
            messages.success(request, _("The drafts are being tried. Nobody on your sites notices."))
            return redirect("studio:back_test", test.pk)
    rows = BackTest.objects.select_related("by").defer("payload", "result")
    number, changes = list_draft_changes()
    context = {
        "title": _("Back-tests"),
        "form": form,
        "reasons": reasons,
        "listing": LISTING.show(request, rows),
        "number": number,
        "changes": len(changes),
    }
    return show(request, "studio/decisions/back_tests.html", context, status=422 if reasons or form.errors else 200)


@needs(Ability.PEOPLE)
def show_back_test(request: StudioRequest, number: int) -> HttpResponse:
    test = _find(number)
    newest = newest_book()
    groups = group_alterations(newest and newest[1], test.payload, of=None)
    context = {
        **_describe(test),
        "title": _("Back-test %(number)s") % {"number": number},
        "groups": groups,
        "count": count_rows(groups),
        "number": newest and newest[0],
    }
    return show(request, "studio/decisions/back_test.html", context)


@needs(Ability.PEOPLE)
def show_back_test_state(request: StudioRequest, number: int) -> HttpResponse:
    """How far it is, and what it came to."""
    return show(request, "studio/decisions/back_test_state.html", _describe(_find(number)))


@needs(Ability.PEOPLE, methods=("GET", "HEAD", "POST"))
def cancel(request: StudioRequest, number: int) -> HttpResponse:
    if request.method == "POST":
        if cancel_back_test(get_object_or_404(BackTest, pk=number), by=find_by(request)):
            messages.success(request, _("Cancelled: it ends soon."))
        else:
            messages.info(request, _("It had ended already."))
    return redirect("studio:back_test", number)


def _find(number: int) -> BackTest:
    test: BackTest = get_object_or_404(BackTest.objects.select_related("by"), pk=number)
    return test


def _describe(test: BackTest) -> dict[str, Any]:
    return {
        "test": test,
        "look": LOOKS[test.state],
        "is_open": test.state in OPEN,
        "percent": min(100, 100 * test.seen // test.total) if test.total else None,
        "tried": tell_trial(test),
    }
