"""Dead letters: the list, one to read, and putting them back: some, or all of a reason, a slice at a time."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ingestion.log import LogUnavailable
from ingestion.models import DeadLetter
from personalization.dead_letters import CannotBeRead, read_record, replay_slice, show_record, write_record
from studio.lists import Column, Filter, Listing
from studio.masking import mask_values
from studio.pages import StudioRequest, find_by, needs, show
from studio.private import find_hidden, hide_in, list_hidden
from studio.roles import Ability

MOST_CHOSEN = 100  # letters of one page
TECHNICAL = ("record", "source", "type", "name", "at", "received", "partition", "build", "key", "cause")
EVERY = "all"

LISTING = Listing(
    columns=(
        Column(_("Choose")),
        Column(_("Reason"), ("reason",)),
        Column(_("Where"), ("log", "partition")),
        Column(_("Tries"), ("tries",), "number"),
        Column(_("Set aside"), ("at",)),
        Column(_("State"), ("replayed",)),
    ),
    search=("reason", "offset"),
    filters=(
        Filter(
            "state",
            _("Every state"),
            [("waiting", _("Waiting")), ("replayed", _("Replayed"))],
            lambda rows, value: rows.filter(replayed__isnull=value == "waiting"),
        ),
        Filter("log", _("Every log"), list(DeadLetter.Log.choices), lambda rows, value: rows.filter(log=value)),
    ),
    sort="-at",
)


@needs(Ability.EVENTS)
def show_dead_letters(request: StudioRequest) -> HttpResponse:
    waiting = DeadLetter.objects.filter(replayed=None).values("reason").annotate(count=Count("pk")).order_by("-count")
    context = {
        "title": _("Dead letters"),
        "listing": LISTING.show(request, DeadLetter.objects.defer("raw")),
        "reasons": list(waiting),
        "waiting": sum(row["count"] for row in waiting),
        "every": EVERY,
    }
    return show(request, "studio/live/dead_letters.html", context)


@needs(Ability.EVENTS)
def show_dead_letter(request: StudioRequest, pk: int) -> HttpResponse:
    letter = get_object_or_404(DeadLetter, pk=pk)
    context = {"title": _("Dead letter %(number)d") % {"number": letter.pk}, "letter": letter}
    return show(request, "studio/live/dead_letter.html", {**context, **_read(letter, request)})


def _read(letter: DeadLetter, request: StudioRequest) -> dict[str, Any]:
    """What the record says, masked as it was granted; bytes that nobody can read cannot be masked."""
    if request.visitor.sees_personal_data:
        return {"record": show_record(letter), "is_masked": False}
    try:
        said = hide_in(mask_record(read_record(letter)), list_hidden(find_hidden(sees=False)))
    except CannotBeRead as error:
        return {"record": "", "error": str(error), "size": len(letter.raw), "is_masked": True}
    return {"record": write_record(said), "is_masked": True}


def mask_record(value: Any, name: str = "") -> Any:
    """Every text but for those that say what kind of record it is."""
    if isinstance(value, dict):
        return {
            key: inner
            if key in TECHNICAL and not isinstance(inner, dict | list) and name in ("", "event")
            else mask_record(inner, key)
            for key, inner in value.items()
        }
    return mask_values(value, name)


@needs(Ability.EVENTS, methods=("POST",))
def replay(request: StudioRequest) -> HttpResponse:
    """Puts a slice back. With a reason, or all, a page goes on by itself until none waits; `total` is how many there
    were when it began."""
    chosen = [int(each) for each in request.POST.getlist("letter") if each.isdigit() and len(each) < 19][:MOST_CHOSEN]
    reason = request.POST.get("reason", "")
    letters, of = _find(chosen, reason)
    if letters is None:
        messages.info(request, gettext("Choose letters first."))
        return redirect("studio:dead_letters")
    last = _read_number(request, "last") or (letters.order_by("-pk").values_list("pk", flat=True).first() or 0)
    letters = letters.filter(pk__lte=last)  # those that fail again come back as letters of their own
    total = _read_number(request, "total") or letters.count()
    try:
        count = replay_slice(letters, by=find_by(request), at=timezone.now(), of=of)
    except LogUnavailable:
        return _answer(request, gettext("Redis is away: not all were put back. Those that were are marked."), "error")
    left = letters.count() if count else 0
    if left and not chosen:
        context = {"reason": reason, "last": last, "total": total, "done": total - left, "left": left}
        return show(request, "studio/live/dead_letters_progress.html", context)
    if not total:
        return _answer(request, gettext("Nothing waits there: what was put back before stays as it is."), "info")
    said = ngettext(
        "%(count)d put back. One that fails again comes back as a letter of its own.",
        "%(count)d put back. Those that fail again come back as letters of their own.",
        total - left,
    )
    return _answer(request, said % {"count": total - left}, "success")


def _find(chosen: list[int], reason: str) -> tuple[QuerySet[DeadLetter] | None, str]:
    """The letters that are meant and wait, and how the trail calls them."""
    waiting = DeadLetter.objects.filter(replayed=None)
    if chosen:
        return waiting.filter(pk__in=chosen), ", ".join(map(str, chosen))
    if reason == EVERY:
        return waiting, EVERY
    return (waiting.filter(reason=reason), reason) if reason else (None, "")


def _answer(request: StudioRequest, said: str, level: str) -> HttpResponse:
    """By the message on the page that comes next, also out of a part of a page."""
    messages.add_message(request, {"error": 40, "info": 20, "success": 25}[level], said)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return redirect("studio:dead_letters")


def _read_number(request: StudioRequest, name: str) -> int:
    said = request.POST.get(name, "")
    return int(said) if said.isdigit() and len(said) < 19 else 0
