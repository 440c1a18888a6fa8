"""Publishing: what is live becomes an immutable, numbered Book, or is refused with every reason."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from profiles.audit import Act, record_act
from profiles.locks import PUBLISH_BOOK, take_turns
from rules.book import load_book
from rules.definitions import BookPayload
from rules.marks import mark_server_only
from rules.models import Book
from rules.queries import collect_definitions, newest_book
from rules.review import find_problems
from segments.actions import BEFORE_FORCE, add_again, plan_build
from segments.conditions.edge import Device
from segments.models import Build


class CannotPublish(ValueError):
    """The definitions do not make a working Book; `reasons` says of each which one and why."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("; ".join(reasons))


@transaction.atomic
def publish_book(*, by: User | None, at: datetime, note: str = "") -> Book:
    """Everything that is live, as the next Book; every process works with it within a second. Segments that are new or
    changed answer once they are filled. Raises CannotPublish."""
    number = _next_number()
    return _store(number, collect_definitions(number), by=by, at=at, note=note)


@transaction.atomic
def publish_definitions(payload: Mapping[str, Any], *, by: User | None, at: datetime, note: str = "") -> Book:
    """A payload as it is, as the next Book. Raises CannotPublish."""
    number = _next_number()
    return _store(number, {**payload, "number": number}, by=by, at=at, note=note)


@transaction.atomic
def roll_back(*, to: Book, by: User | None, at: datetime) -> Book:
    """Publishes an older Book again, under a number of its own. Raises CannotPublish."""
    number = _next_number()
    note = f"Back to Book {to.number}"
    return _store(number, {**to.payload, "number": number}, by=by, at=at, note=note, act=Act.ROLLED_BACK)


@transaction.atomic
def build_again(build: Build, *, at: datetime) -> Build | None:
    """What a build was for that failed or was cancelled, as the Book in force says it now; of an uploaded list, its
    people; of properties, the past. None when there is nothing to do: all is in force, or another build is at it."""
    take_turns(PUBLISH_BOOK)
    if build.upload_id is not None or build.recalls:
        return add_again(build, at=at)
    newest = newest_book()
    if newest is None or Build.objects.filter(state__in=BEFORE_FORCE, upload=None, recalls={}).exists():
        return None
    number, payload = newest
    return plan_build(payload["segments"], zone=payload.get("zone", "UTC"), source=f"Book {number}", at=at)


def _next_number() -> int:
    take_turns(PUBLISH_BOOK)
    newest = newest_book()
    return 1 if newest is None else newest[0] + 1


def _store(
    number: int, payload: dict[str, Any], *, by: User | None, at: datetime, note: str, act: Act = Act.PUBLISHED
) -> Book:
    try:
        if reasons := find_problems(msgspec.convert(payload, BookPayload)):
            raise CannotPublish(reasons)
        payload = mark_server_only(payload, read_device())
        load_book(msgspec.json.encode(payload))
    except CannotPublish:
        raise
    except ValueError as error:
        raise CannotPublish([str(error)]) from error
    plan_build(payload["segments"], zone=payload.get("zone", "UTC"), source=f"Book {number}", at=at)
    record_act(act, by=by, at=at, kind="book", subject=str(number), name=f"Book {number}", note=note)
    return Book.objects.create(number=number, payload=payload, published=at, published_by=by, note=note)


def read_device() -> Device:
    """What devices may know, by the settings."""
    named = (settings.PZ_DEVICE_TRAITS, settings.PZ_DEVICE_EVENTS, settings.PZ_DEVICE_PROPERTIES)
    return Device(*map(frozenset, named))
