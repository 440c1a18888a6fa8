"""Asking for the drafts to be published, and what publishers answer: only what somebody has looked at is published."""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from profiles.audit import Act, record_act
from profiles.locks import PUBLISH_BOOK, take_turns
from rules.actions import CannotPublish, publish_definitions
from rules.models import Book
from rules.queries import collect_definitions, newest_book
from rules.review import list_changes
from studio.models import Review
from studio.roles import ABILITIES, Ability, Visitor

State = Review.State
PUBLISHERS = [role for role, abilities in ABILITIES.items() if Ability.PUBLISH in abilities]


class ReviewRefused(ValueError):
    """What was wanted of a review cannot be; the message says why, to whoever wanted it."""


class DraftsMoved(ValueError):
    """The drafts are not what was looked at any more."""


def fingerprint_of(payload: Mapping[str, Any]) -> str:
    """The same for two payloads that say the same."""
    said = {**payload, "number": 0}
    return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@transaction.atomic
def ask_for_review(*, by: User, at: datetime, note: str = "", seen: str = "") -> Review:
    """What is live in the drafts waits for a publisher; an older question of the same member is withdrawn. Raises
    ReviewRefused where there is nothing to ask or others have asked the same, and DraftsMoved."""
    take_turns(PUBLISH_BOOK)
    payload = _collect(seen)
    fingerprint = fingerprint_of(payload)
    newest = newest_book()
    if not list_changes(newest and newest[1], payload):
        raise ReviewRefused(_("The drafts say what is published already: there is nothing to review."))
    waiting = list(
        Review.objects.select_for_update(of=("self",)).filter(state=State.WAITING).select_related("asked_by")
    )
    for each in waiting:
        if each.fingerprint == fingerprint:
            raise ReviewRefused(_("%(name)s has asked for the same already.") % {"name": name_of(each.asked_by)})
    for each in waiting:
        if each.asked_by_id == by.pk:
            _settle(each, State.WITHDRAWN, by=by, at=at, comment=_("Asked again"))
    review = Review.objects.create(asked_by=by, at=at, note=note, payload=payload, fingerprint=fingerprint)
    _record(Act.ASKED, review, by=by, at=at, note=note)
    return review


@transaction.atomic
def withdraw_review(review: Review, *, by: User, at: datetime) -> Review:
    """Raises ReviewRefused."""
    review = _lock(review)
    if review.asked_by_id != by.pk:
        raise ReviewRefused(_("Only who has asked for it can withdraw it; decline it instead."))
    _settle(review, State.WITHDRAWN, by=by, at=at)
    _record(Act.CANCELLED, review, by=by, at=at)
    return review


@transaction.atomic
def decline_review(review: Review, *, by: User, at: datetime, comment: str) -> Review:
    """Raises ReviewRefused."""
    review = _lock(review)
    _settle(review, State.DECLINED, by=by, at=at, comment=comment)
    _record(Act.DECLINED, review, by=by, at=at, note=comment)
    return review


@transaction.atomic
def approve_review(review: Review, *, by: Visitor, at: datetime, seen: str, comment: str = "") -> Book:
    """Publishes the drafts, which have to be what was `seen`. Raises ReviewRefused, DraftsMoved and CannotPublish."""
    take_turns(PUBLISH_BOOK)
    review = _lock(review)
    if (obstacle := find_obstacle(review, by)) is not None:
        raise ReviewRefused(obstacle)
    payload = _collect(seen)
    newest = Book.objects.order_by("-number").first()
    if newest is not None and not list_changes(newest.payload, payload):
        book = newest  # somebody has published the same meanwhile
    else:
        book = publish_definitions(payload, by=by.user, at=at, note=review.note)
    _settle(review, State.APPROVED, by=by.user, at=at, comment=comment, book=book)
    _record(Act.APPROVED, review, by=by.user, at=at, note=comment)
    return book


@transaction.atomic
def publish_drafts(*, by: Visitor, at: datetime, note: str = "", seen: str = "") -> Book:
    """Publishes what is live in the drafts, which have to be what was `seen`; whoever waits for just that has it
    approved. Raises ReviewRefused, DraftsMoved and CannotPublish."""
    take_turns(PUBLISH_BOOK)
    payload = _collect(seen)
    newest = newest_book()
    if not list_changes(newest and newest[1], payload):
        raise CannotPublish([_("The drafts say what is published already: there is nothing to publish")])
    same = Review.objects.select_for_update(of=("self",)).filter(
        state=State.WAITING, fingerprint=fingerprint_of(payload)
    )
    reviews = list(same)
    for review in reviews:
        if (obstacle := find_obstacle(review, by)) is not None:
            raise ReviewRefused(obstacle)
    book = publish_definitions(payload, by=by.user, at=at, note=note)
    for review in reviews:
        _settle(review, State.APPROVED, by=by.user, at=at, book=book)
        _record(Act.APPROVED, review, by=by.user, at=at)
    return book


def find_obstacle(review: Review, by: Visitor) -> str | None:
    """Why this member cannot approve it: nobody approves their own, but for owners and where there is nobody else."""
    if review.asked_by_id != by.user.pk or by.may(Ability.MEMBERS) or not list_other_publishers(by.user).exists():
        return None
    return _(
        "You have asked for this review yourself, so that a second pair of eyes looks at it. Another publisher or an "
        "owner can approve it; or withdraw it, and publish on your own."
    )


def list_other_publishers(user: User) -> QuerySet[User]:
    may = Q(member__role__in=PUBLISHERS) | Q(is_superuser=True)
    return User.objects.filter(may, is_active=True).exclude(pk=user.pk)


def list_waiting() -> list[Review]:
    """What waits for a publisher, the oldest first."""
    return list(Review.objects.filter(state=State.WAITING).select_related("asked_by").defer("payload").order_by("at"))


def name_of(user: User | None) -> str:
    return _("Somebody who has left") if user is None else user.get_username()


def _collect(seen: str) -> dict[str, Any]:
    """What is live in the drafts. Raises DraftsMoved when it is not what was seen."""
    payload = collect_definitions(0)
    if seen and fingerprint_of(payload) != seen:
        raise DraftsMoved
    return payload


def _lock(review: Review) -> Review:
    """The review, held until the end of the transaction. Raises ReviewRefused when it waits no more."""
    locked = Review.objects.select_for_update(of=("self",)).select_related("asked_by").get(pk=review.pk)
    if locked.state != State.WAITING:
        raise ReviewRefused(
            _("It is too late: it is %(state)s already.") % {"state": locked.get_state_display().lower()}
        )
    return locked


def _settle(review: Review, state: str, *, by: User, at: datetime, comment: str = "", book: Book | None = None) -> None:
    review.state, review.decided_by, review.decided_at, review.comment, review.book = state, by, at, comment, book
    review.save(update_fields=["state", "decided_by", "decided_at", "comment", "book"])


def _record(act: Act, review: Review, *, by: User, at: datetime, note: str = "") -> None:
    record_act(act, by=by, at=at, kind="review", subject=str(review.pk), name=str(review), note=note[:200])
