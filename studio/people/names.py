"""What people and definitions are called on the pages of people, masked where it has to be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from profiles.models import StoredProfile
from rules.models import Block, Rule, Slot
from segments.models import Segment
from studio.masking import mask

NAMES = ("name", "fullName", "full_name")
FIRST, LAST = ("firstName", "first_name", "firstname"), ("lastName", "last_name", "lastname")
SHORT = 8  # digits of a profile id
KINDS = {"u:": "user", "a:": "device", "p:": "profile"}


@dataclass(frozen=True)
class Who:
    """`name` is the best that is known, `more` the e-mail address or the user id, where it says something else."""

    id: UUID
    name: str
    more: str = ""
    is_known: bool = True
    is_gone: bool = False

    @property
    def full(self) -> str:
        return f"{self.name} · {self.more}" if self.more else self.name


def name_person(id: UUID, user_id: str | None, traits: Mapping[str, Any], *, sees: bool) -> Who:
    first, last = _text(traits, FIRST), _text(traits, LAST)
    name = _text(traits, NAMES) or " ".join(filter(None, (first, last)))
    email = _text(traits, ("email",))
    said = [each for each in (name, email, user_id) if each]
    if not said:
        return Who(id, gettext("Visitor %s") % shorten(id), is_known=False)
    words = said if sees else [mask(each) for each in said]
    return Who(id, words[0], next((each for each in words[1:] if each != words[0]), ""))


def name_people(ids: Iterable[UUID], *, sees: bool) -> dict[UUID, Who]:
    """Each of these, in one statement; who is not there any more `is_gone`."""
    wanted = list(ids)
    rows = StoredProfile.objects.filter(pk__in=wanted).values_list("id", "user_id", "traits")
    found = {id: name_person(id, user_id, traits, sees=sees) for id, user_id, traits in rows}
    return {id: found.get(id) or replace(name_person(id, None, {}, sees=sees), is_gone=True) for id in wanted}


def shorten(id: UUID) -> str:
    return id.hex[:SHORT]


def _text(traits: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((said for name in names if isinstance(said := traits.get(name), str) and said.strip()), "")


@dataclass(frozen=True)
class Key:
    """An identifier as it is shown. `kind` is user, device or profile."""

    kind: str
    text: str


def name_key(key: str, *, sees: bool) -> Key:
    kind, text = KINDS.get(key[:2], "device"), key[2:]
    if kind == "profile":
        return Key(kind, text[:SHORT])
    return Key(kind, text if sees else mask(text))


@dataclass(frozen=True)
class Names:
    """What definitions are called, by their slugs."""

    audiences: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    blocks: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)


def find_names(*, audiences: Iterable[str] = (), answers: Iterable[Mapping[str, Any]] = ()) -> Names:
    """What they are called now, of those that are still there; each kind is asked for once."""
    told = list(answers)
    return Names(
        _name(Segment, {*audiences, *(slug for each in told for slug in each.get("segments", ()))}),
        _name(Rule, {slug for each in told for slug in (each.get("rule"), *_list_suppressed(each)) if slug}),
        _name(Block, {each["block"] for each in told if each.get("block")}),
        _name(Slot, {each["slot"] for each in told}),
    )


def _list_suppressed(answer: Mapping[str, Any]) -> list[str]:
    return [each["rule"] for each in answer.get("suppressed", ())]


def _name(model: Any, slugs: set[str]) -> dict[str, str]:
    return dict(model.objects.filter(slug__in=slugs).values_list("slug", "name")) if slugs else {}
