"""Questions of the editor: read, answered one at a time for each member, and an answer kept for some seconds."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import get_language, gettext

from personalization.wiring import redis_client
from profiles.glimpses import keep_glimpse
from segments.forms import PastField

KEPT_S = 10
BUSY_S = 15  # after which an answer that never came is no longer waited for
MAX_BYTES = 200_000


class BadQuestion(ValueError):
    """It cannot be read; the message says why."""


class Busy(Exception):
    """The member's question before is still being answered."""


@dataclass(frozen=True)
class Asked:
    """A condition as it is typed, None for none; `at` is a past moment in Unix milliseconds, None for now."""

    tree: Any
    about: str
    slug: str
    at: int | None
    person: UUID | None

    @property
    def key(self) -> str:
        """Of everything that the figures depend on, and what is said of them."""
        told = json.dumps([self.tree, self.about, self.slug, self.at, get_language()], sort_keys=True)
        return sha256(told.encode()).hexdigest()


def read_question(request: HttpRequest) -> Asked:
    """Raises BadQuestion."""
    if len(request.body) > MAX_BYTES:
        raise BadQuestion(gettext("too long"))
    try:
        told = json.loads(request.body)
        at = PastField(required=False).clean(told.get("at") or "")
        person = UUID(told["person"]) if told.get("person") else None
    except ValidationError as error:
        raise BadQuestion(" ".join(error.messages)) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadQuestion(gettext("not a question")) from error
    return Asked(
        tree=told.get("condition"),
        about="rule" if told.get("about") == "rule" else "segment",
        slug=str(told.get("slug") or ""),
        at=None if at is None else int(at.timestamp() * 1000),
        person=person,
    )


def answer_once(kind: str, asked: Asked, member: int, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` says, or said some seconds ago; raises Busy."""
    name = f"condition:{kind}:{get_language()}:{asked.key}"
    known: dict[str, Any] | None = cache.get(name)
    if known is not None:
        return known
    turn = f"condition:{kind}:turn:{member}"
    if not cache.add(turn, True, timeout=BUSY_S):
        raise Busy
    try:
        answer = work()
    finally:
        cache.delete(turn)
    keep_glimpse(redis_client(), name, answer, seconds=KEPT_S)
    return answer
