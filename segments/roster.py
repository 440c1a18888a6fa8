"""Which versions of segments processors keep up to date, and which of them answer: an immutable, numbered list. Pure.

People carry versions by their key, `slug@version`. So a new version can be filled beside the one that answers, and put
in its place by a single number, for everybody at once.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from profiles.profile import Profile
from segments.conditions.calendar import Calendar
from segments.membership import Segments, compile_segments

ENROLLED = LIST, SNAPSHOT = ("list", "snapshot")  # kinds whose people are put in one by one


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """One definition of a segment. `refers` says of each segment its condition asks for which version is meant."""

    segment: str
    version: int
    kind: str = "condition"
    condition: dict[str, Any] | None = None
    as_of: str | None = None
    refers: dict[str, str] = {}

    @property
    def key(self) -> str:
        """What profiles carry."""
        return f"{self.segment}@{self.version}"

    def says(self, other: "Version") -> bool:
        """Whether the two have the same people, whatever their numbers."""
        return (self.kind, self.condition, self.as_of, self.refers) == (
            (other.kind, other.condition, other.as_of, other.refers)
        )


class Roster(msgspec.Struct, frozen=True):
    """`answers` names, by segment, the key of the version in force, `coming` that of the one that will be once it is
    filled; days are those of `zone`. `retired` are keys that people may still carry, each with the key that took its
    place ("" for none)."""

    number: int = 0
    zone: str = "UTC"
    versions: tuple[Version, ...] = ()
    answers: dict[str, str] = {}
    coming: dict[str, str] = {}
    retired: dict[str, str] = {}

    def find(self, key: str) -> Version | None:
        return next((each for each in self.versions if each.key == key), None)


NO_ROSTER = Roster()
_decoder = msgspec.json.Decoder(Roster)


def load_roster(payload: bytes) -> Roster:
    """A stored roster; raises ValueError for what is none."""
    try:
        return _decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a roster: {error}") from error


def compile_roster(roster: Roster) -> Segments:
    """The segments ready to run; raises BadCondition or SegmentCycle, which publishing has ruled out."""
    return compile_segments(
        {each.key: each.condition for each in roster.versions if each.kind not in ENROLLED},
        calendar=Calendar(roster.zone),
        refers={each.key: each.refers for each in roster.versions},
        enrolled={each.key for each in roster.versions if each.kind in ENROLLED},
        names={key: slug for slug, key in roster.answers.items()},
        retired=roster.retired,
    )


def list_needed(roster: Roster, keys: Iterable[str]) -> tuple[Version, ...]:
    """The versions of `keys` and those that they refer to, in the order of the roster."""
    needed: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        version = roster.find(key)
        if version is not None and key not in needed:
            needed.add(key)
            waiting += version.refers.values()
    return tuple(each for each in roster.versions if each.key in needed)


def name_segments(profile: Profile, answers: Mapping[str, str]) -> Profile:
    """The profile as everybody but processors sees it: in segments by their slugs, those that answer."""
    carried = profile.segments
    segments = {slug: carried[key] for slug, key in answers.items() if key in carried} if carried else {}
    return msgspec.structs.replace(profile, segments=segments)
