"""What the organisation chooses is saved: checked, refused to whoever has not seen the newest, told in the audit trail,
and handed to the processors with the directory, all in one transaction."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ingestion.actions import publish_directory
from profiles.audit import Act, record_act
from profiles.locks import PUBLISH_DIRECTORY, take_turns
from profiles.models import Organisation as Stored
from profiles.organisation import Organisation, let_go, read_organisation
from segments.conditions.calendar import is_zone
from segments.conditions.language import RETENTION_DAYS

KIND = "organisation"
MOST_PURPOSES = 50  # a profile remembers no more
MOST_LETTERS = 40  # of a purpose, as rules may name them
MOST_DAYS = 3_650
PURPOSE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
LEAST_DAYS = {"retention_days": RETENTION_DAYS, "changes_days": 1, "decisions_days": 1}
NO_ZONE = gettext_noop("There is no time zone “%(value)s”; one is Europe/Vienna.")
FIELDS = ("zone", "purposes", *LEAST_DAYS)


class BadOrganisation(ValueError):
    """What was to be saved cannot be meant; `problems` are fields, each with what is wrong with it."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(message for _field, message in problems))


class OrganisationOvertaken(ValueError):
    """Somebody else has saved it meanwhile; `now` is what it says."""

    def __init__(self, now: Organisation) -> None:
        self.now = now
        super().__init__("the organisation was changed meanwhile")


@transaction.atomic
def change_organisation(changes: Mapping[str, Any], *, seen: int, by: User | None, at: datetime) -> bool:
    """Saves the fields of an Organisation that `changes` names; `seen` is the version that was looked at. False when it
    says that already. Raises BadOrganisation and OrganisationOvertaken."""
    take_turns(PUBLISH_DIRECTORY)
    let_go()  # what was held may be older than whoever had their turn before
    now = read_organisation()
    if now.version != seen:
        raise OrganisationOvertaken(now)
    changed = {field: value for field, value in changes.items() if getattr(now, field) != value}
    if problems := list(find_problems(changed)):
        raise BadOrganisation(problems)
    if not changed:
        return False
    then = replace(now, **changed, version=now.version + 1)
    said = describe(then)
    Stored.objects.update_or_create(pk=1, defaults={**said, "version": then.version})
    let_go()
    record_act(
        Act.CHANGED, by=by, at=at, kind=KIND, subject=KIND, name="Organisation", before=describe(now), after=said
    )
    publish_directory()
    return True


def describe(organisation: Organisation) -> dict[str, Any]:
    """As it is stored and as the audit trail says it."""
    return {**{field: asdict(organisation)[field] for field in FIELDS}, "purposes": list(organisation.purposes)}


def find_problems(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with these fields of an Organisation, each with its field."""
    if "zone" in said and not is_zone(said["zone"]):
        yield "zone", _(NO_ZONE) % {"value": said["zone"]}
    if "purposes" in said:
        yield from (("purposes", problem) for problem in _find_bad_purposes(said["purposes"]))
    for field, least in LEAST_DAYS.items():
        if field in said and not least <= said[field] <= MOST_DAYS:
            bounds = {"least": least, "most": MOST_DAYS}
            yield field, _("Give a number of days from %(least)s to %(most)s.") % bounds


def _find_bad_purposes(purposes: Sequence[str]) -> Iterator[str]:
    if len(purposes) > MOST_PURPOSES:
        said = ngettext("At most %(most)s purpose.", "At most %(most)s purposes.", MOST_PURPOSES)
        yield said % {"most": MOST_PURPOSES}
    for each in dict.fromkeys(purposes):
        if not PURPOSE.fullmatch(each):
            yield _("“%(purpose)s”: write letters, digits, hyphens and underscores.") % {"purpose": each}
        elif len(each) > MOST_LETTERS:
            yield _("“%(purpose)s” is longer than %(most)s letters.") % {"purpose": each, "most": MOST_LETTERS}
        elif purposes.count(each) > 1:
            yield _("“%(purpose)s” is named twice.") % {"purpose": each}
