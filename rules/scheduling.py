"""Publishing at a later moment: what is live now is kept, and published then beside what others did meanwhile."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext

from profiles.audit import Act, record_act
from profiles.locks import PUBLISH_BOOK, take_turns
from profiles.organisation import by_its_clocks
from rules.actions import CannotPublish, publish_definitions
from rules.definitions import BookPayload
from rules.merging import Conflict, merge_payloads
from rules.models import Book, ScheduledPublication
from rules.queries import collect_definitions, newest_book
from rules.review import find_problems, list_changes
from segments.moments import say_moment

LOGGED = "Published as it was scheduled."


@transaction.atomic
def schedule_publication(*, at: datetime, by: User | None, now: datetime, note: str = "") -> ScheduledPublication:
    """Everything that is live now is published at `at`; the drafts may change meanwhile. Raises CannotPublish when it
    could not be published now either, and when there is nothing to publish."""
    if at <= now:
        raise CannotPublish([gettext("That moment has passed; choose one that is still to come, or publish now")])
    take_turns(PUBLISH_BOOK)
    newest = newest_book()
    base = None if newest is None else newest[1]
    payload = collect_definitions(0)
    if not list_changes(base, payload):
        if newest is None:
            raise CannotPublish([gettext("Nothing is live yet: there is nothing to publish")])
        said = gettext("Book %(number)s says what is live now: there is nothing to publish")
        raise CannotPublish([said % {"number": newest[0]}])
    if reasons := find_problems(msgspec.convert(payload, BookPayload)):
        raise CannotPublish(reasons)
    publication = ScheduledPublication.objects.create(at=at, payload=payload, base=base, note=note, by=by, created=now)
    _record(Act.SCHEDULED, publication, by, now)
    return publication


@transaction.atomic
def cancel_publication(publication: ScheduledPublication, *, by: User | None = None) -> bool:
    """It will not be published. False when it was too late."""
    waiting = ScheduledPublication.objects.filter(pk=publication.pk, state=ScheduledPublication.State.WAITING)
    cancelled = waiting.update(state=ScheduledPublication.State.CANCELLED)
    publication.refresh_from_db()
    if cancelled:
        _record(Act.CANCELLED, publication, by, timezone.now())
    return bool(cancelled)


def _record(act: Act, publication: ScheduledPublication, by: User | None, at: datetime) -> None:
    with translation.override(settings.LANGUAGE_CODE), by_its_clocks():  # the trail is kept in one language
        name = f"Publication at {say_moment(publication.at)}"
    record_act(act, by=by, at=at, kind="publication", subject=str(publication.pk), name=name, note=publication.note)


def publish_due(*, at: datetime) -> list[ScheduledPublication]:
    """Publishes what was scheduled for now or earlier, in its order, each once however many look at it. What cannot be
    published has failed, with every reason. Returns what was done or failed."""
    waiting = ScheduledPublication.objects.filter(state=ScheduledPublication.State.WAITING, at__lte=at)
    numbers = waiting.order_by("at", "pk").values_list("pk", flat=True)
    return [done for number in numbers if (done := _publish(number, at)) is not None]


@transaction.atomic
def _publish(number: int, at: datetime) -> ScheduledPublication | None:
    take_turns(PUBLISH_BOOK)
    states = ScheduledPublication.State
    waiting = ScheduledPublication.objects.select_for_update(of=("self",)).select_related("by")
    publication = waiting.filter(pk=number, state=states.WAITING, at__lte=at).first()
    if publication is None:
        return None  # cancelled, or done by somebody else, since it was looked for
    try:
        publication.book = _publish_beside(publication, at)
        publication.state = states.PUBLISHED
    except ValueError as error:  # CannotPublish, or what another version of the product has stored
        reasons = error.reasons if isinstance(error, CannotPublish) else [str(error)]
        publication.state, publication.error = states.FAILED, "\n".join(reasons)
    publication.save(update_fields=["book", "state", "error"])
    return publication


def _publish_beside(publication: ScheduledPublication, at: datetime) -> Book:
    """The Book with what was scheduled and what others have published since. Raises CannotPublish."""
    newest = Book.objects.order_by("-number").first()
    payload = publication.payload
    if newest is not None and newest.payload != publication.base:
        merged = merge_payloads(publication.base, payload, newest.payload)
        if merged.conflicts:
            raise CannotPublish([_say_conflict(each, newest.number) for each in merged.conflicts])
        payload = merged.payload
    if newest is not None and not list_changes(newest.payload, payload):
        return newest  # others have published the same meanwhile
    with transaction.atomic():
        book = publish_definitions(payload, by=publication.by, at=at, note=publication.note)
    if publication.by is not None:
        LogEntry.objects.log_actions(publication.by.pk, [book], ADDITION, LOGGED, single_object=True)
    return book


def _say_conflict(conflict: Conflict, number: int) -> str:
    """In English: it is kept with what was scheduled."""
    what = f"{conflict.kind.capitalize()} {conflict.slug}"
    how = f"they differ in {', '.join(conflict.fields)}" if conflict.fields else "one of them removes it"
    return f"{what}: Book {number} has changed it too since this was scheduled, and {how}; schedule it anew"


def list_waiting() -> list[ScheduledPublication]:
    """What is going to be published, the next one first."""
    waiting = ScheduledPublication.objects.filter(state=ScheduledPublication.State.WAITING)
    return list(waiting.select_related("by").defer("payload", "base").order_by("at", "pk"))


def list_scheduled_changes(publication: ScheduledPublication) -> list[Any]:
    """What it changed of the Book that was in force when it was scheduled."""
    base: Mapping[str, Any] | None = publication.base
    return list_changes(base, publication.payload)
