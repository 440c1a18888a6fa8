"""What people were granted, as PostgreSQL has it, held against the tallies in Redis that decisions look at."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from profiles.models import MergeRecord
from profiles.organisation import read_organisation
from rules.models import Grant
from rules.tally import GRANT


class Grants(NamedTuple):
    """Of one person: by the name of the grant in the tally the code of the first one, and the codes of all, as profiles
    that became one may have had one each. `is_sure` is False of those who were parted: a tally is not parted."""

    first: dict[str, str]
    any: dict[str, set[str]]
    is_sure: bool


def read_grants(people: Mapping[str, str]) -> dict[str, Grants]:
    """What persons were granted, under any of their ids: `people` says whose each id is, both in hexadecimal."""
    found = {person: Grants({}, {}, True) for person in people.values()}
    for parted in _list_parted(people):
        found[people[parted]] = found[people[parted]]._replace(is_sure=False)
    grants = Grant.objects.filter(profile_id__in=[UUID(id) for id in people]).order_by("at", "pk")
    own: dict[tuple[str, str], bool] = {}
    for id, offer, period, code in grants.values_list("profile_id", "offer", "period", "code"):
        person, name = people[id.hex], f"{GRANT}{offer}:{period}"
        first, codes, _ = found[person]
        codes.setdefault(name, set()).add(code)
        is_own = id.hex == person
        if name not in first or (is_own and not own[person, name]):
            first[name], own[person, name] = code, is_own
    return found


def _list_parted(people: Mapping[str, str]) -> set[str]:
    ids = [UUID(id) for id in people]
    undone = MergeRecord.objects.exclude(undone=None)
    found = (
        undone.filter(loser_id__in=ids)
        .values_list("loser_id", flat=True)
        .union(undone.filter(winner_id__in=ids).values_list("winner_id", flat=True))
    )
    return {id.hex for id in found}


def find_wrong(grants: Grants, tally: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """The grants of a tally that are not as they were granted: by name, the code that was found, and the one that is
    expected; None where there is none."""
    if not grants.is_sure:
        return {}
    held = {name: code for name, code in tally.items() if name.startswith(GRANT)}
    wrong: dict[str, tuple[str | None, str | None]] = {}
    for name in held.keys() | grants.any.keys():
        found = held.get(name)
        if found is None or found not in grants.any.get(name, ()):
            wrong[name] = (found, grants.first.get(name))
    return wrong
