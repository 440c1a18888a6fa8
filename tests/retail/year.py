"""The year of the shop: lived through once, counted by hand, and looked at by the engines at every moment."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from uuid import UUID

from profiles.clients import Client
from profiles.event import derive_profile_id
from profiles.profile import unpack
from segments.conditions.explain import Explained, explain
from segments.roster import compile_roster, name_segments
from tests.real_data import ONLINE_RETAIL
from tests.retail.by_hand import Shop
from tests.retail.engines import Members, Packed, ask_copies
from tests.retail.moments import Turn, pick_moments, pick_turns
from tests.retail.replay import Replay, read_shop
from tests.retail.segments import ANSWERS, CALENDAR, DEFINITIONS, ROSTER
from tests.segments.cases import to_instant

TABLE = Path(__file__).parent / "categories.csv"
SEED = int(os.environ.get("FUZZ_SEED", "1")) or SystemRandom().randrange(1, 2**32)
SHOWN = 3  # people of one difference


@dataclass
class Year:
    """By moment: `people` as the processor had stored them, `copied` who carried which segment in PostgreSQL, `counted`
    the members by hand. The archive holds everything up to the last moment."""

    shop: Shop
    turns: list[Turn]
    moments: list[int]
    names: dict[UUID, str]
    people: dict[int, Packed] = field(default_factory=dict)
    copied: dict[int, Members] = field(default_factory=dict)
    counted: dict[int, Members] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.moments[-1]

    def find_differences(self, engine: str, found: Members, now: int) -> list[str]:
        """What an engine says otherwise than pandas, with the reasons of both for some of the people."""
        told = []
        for slug, wanted in self.counted[now].items():
            differing = sorted(wanted ^ found[slug])
            if differing:
                told.append(
                    f"seed {SEED}, {to_instant(now)}, {slug}: {len(wanted)} by hand, {len(found[slug])} {engine}"
                )
                told += [self._tell(id, slug, now, is_in=id in found[slug]) for id in differing[:SHOWN]]
        return told

    def _tell(self, id: UUID, slug: str, now: int, *, is_in: bool) -> str:
        name, packed = self.names.get(id, f"{id}, whom the file does not know"), self.people[now].get(id)
        if packed is None:
            return f"  {name} has no profile then"
        profile = name_segments(unpack(packed), ANSWERS)
        told = explain(DEFINITIONS[slug], profile, profile.segments, {}, now, CALENDAR)
        return (
            f"  {name} is {'in' if is_in else 'not in'}, against the count by hand; stored: {profile.segments}\n"
            f"{_write(told, 2)}\n{self.shop.tell(name, now)}"
        )


def live_through(client: Client) -> Year:
    shop, chance = Shop(ONLINE_RETAIL, TABLE), Random(SEED)
    turns = pick_turns(shop, chance)
    year = Year(
        shop=shop,
        turns=turns,
        moments=pick_moments(shop, turns, chance),
        names={find_id(person): person for person in shop.invoices["person"]},
    )
    replay = Replay(client, read_shop(ONLINE_RETAIL, TABLE), compile_roster(ROSTER))
    for moment in year.moments:
        replay.live_until(moment)
        replay.archive()
        year.people[moment] = replay.read_people()
        year.copied[moment] = ask_copies()
        year.counted[moment] = {slug: {*map(find_id, people)} for slug, people in shop.ask(moment).items()}
    return year


def find_id(person: str) -> UUID:
    return UUID(derive_profile_id(person))


def _write(told: Explained, depth: int) -> str:
    line = f"{'  ' * depth}{'yes' if told.matched else 'no'}: {told.kind} {told.id}, {told.observed}"
    return "\n".join([line, *(_write(child, depth + 1) for child in told.children)])
