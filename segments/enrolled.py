"""Who is in lists and snapshots by the rows that these were filled from, whoever each row's person is by now."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import Q

from profiles.event import derive_profile_id
from profiles.models import Identifier
from segments.models import Member
from segments.queries import find_versions
from segments.roster import ENROLLED, Roster


def list_enrolled(roster: Roster) -> frozenset[str]:
    """The keys of the lists and snapshots that answer."""
    answering = map(roster.find, roster.answers.values())
    return frozenset(each.key for each in answering if each is not None and each.kind in ENROLLED)


def find_enrolled_people(keys: Collection[str], people: Mapping[str, str]) -> dict[str, set[str]]:
    """Of some persons those in each list or snapshot: `people` says whose each id is, former ones too, in hexadecimal.

    A row has the profile that its identifier stood for when it was stored: one of the person's, or the one that is
    derived from an identifier while nobody has it."""
    found: dict[str, set[str]] = {key: set() for key in keys}
    versions = {version.pk: version.key for version in find_versions(keys)}
    if not versions or not people:
        return found
    ids = [UUID(id) for id in people]
    named = Identifier.objects.filter(Q(key__startswith="u:") | Q(key__startswith="a:"), profile_id__in=ids)
    links = {key: id.hex for key, id in named.values_list("key", "profile_id")}
    candidates = {*ids, *(UUID(derive_profile_id(key)) for key in links)}
    rows = Member.objects.filter(version__in=versions, profile_id__in=candidates)
    members = list(rows.values_list("version_id", "profile_id", "identifier"))
    others = {identifier for _, _, identifier in members if identifier is not None} - links.keys()
    links |= {key: id.hex for key, id in Identifier.objects.filter(key__in=others).values_list("key", "profile_id")}
    for version, profile_id, identifier in members:
        owner = people.get(links.get(identifier or "", profile_id.hex))
        if owner is not None:
            found[versions[version]].add(owner)
    return found
