"""The real page as a person sees it, at any moment: a sealed link for whoever may look, and the answers it opens."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import msgspec
from django.db import connection

from personalization.agents import add_agent
from personalization.answering import choose_all, show
from personalization.decide import Answer
from personalization.sealing import BadToken, Sealer
from profiles import keys
from profiles.clients import Client
from profiles.organisation import find_zone
from profiles.past import fold_past
from profiles.profile import Memory, Profile, unpack
from rules.book import NO_BOOK, LiveBook, load_book
from rules.engine import NOBODY, Facts
from rules.queries import collect_definitions, newest_book
from rules.tally import GRANT, PERSON
from segments.conditions.calendar import Calendar
from segments.membership import compile_segments
from segments.models import Segment
from segments.queries import describe_segment, read_roster
from segments.roster import ENROLLED, compile_roster, name_segments

PURPOSE = "visit"
PARAMETER = "pz_visit"  # of the page's address; the snippet knows it
VISIT_MS = 3_600_000  # how long a link opens the page
NOT_A_DECISION = "visit"  # in the place of a decision's id: nothing is recorded
SAMPLE_CODE = "SAMPLE-CODE"  # where a decision would grant one
PLENTY = 1


class Visit(msgspec.Struct, frozen=True, array_like=True):
    """As whom, None for somebody unknown; `at` which moment (Unix milliseconds, None for the present), and whether by
    the draft instead of the Book in force. `by` is the name of who made the link."""

    profile_id: str | None
    at: int | None
    draft: bool
    by: str


def make_link(url: str, visit: Visit, *, sealer: Sealer, now: int) -> str:
    """The page's own address with the sealed visit in it."""
    token = sealer.seal(PURPOSE, msgspec.msgpack.encode(visit), expires=now + VISIT_MS)
    scheme, host, path, query, fragment = urlsplit(url)
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != PARAMETER]
    return urlunsplit((scheme, host, path, urlencode([*kept, (PARAMETER, token)]), fragment))


class Visits:
    """Answers to what a page asks while it is visited. Nothing is counted, granted or recorded."""

    def __init__(
        self, *, sealer: Sealer, client: Client, memory: Callable[[], Memory], clock: Callable[[], int]
    ) -> None:
        self._sealer = sealer
        self._client = client
        self._memory = memory
        self._clock = clock

    def open(self, token: str) -> Visit:
        """Raises BadToken, ExpiredToken among them."""
        try:
            return msgspec.msgpack.decode(self._sealer.open(PURPOSE, token, now=self._clock()), type=Visit)
        except msgspec.MsgspecError as error:
            raise BadToken("no visit") from error

    async def show(
        self, token: str, slots: Sequence[str], context: Mapping[str, Any], agent: str | None = None
    ) -> Answer:
        """`answer` for an event loop, in a thread of its own."""
        visit = self.open(token)

        def ask() -> Answer:
            try:
                return self.answer(visit, slots, context, agent)
            finally:
                connection.close()

        return await asyncio.to_thread(ask)

    def answer(
        self,
        visit: Visit,
        slots: Sequence[str],
        context: Mapping[str, Any],
        agent: str | None = None,
        *,
        live: LiveBook | None = None,
        hide: Callable[[Profile], Profile] | None = None,
    ) -> Answer:
        """What the slots show, by the Book that is asked for or `live`; asks PostgreSQL, and the archive for a moment
        past. `hide` makes of the person what may be printed of them, once it is decided what they are shown. Raises
        ValueError for a draft that cannot be published."""
        live = live or _read_book(draft=visit.draft)
        stock = {offer: PLENTY for place in live.book.slots.values() for offer in place.pools}
        facts = self.read_facts(visit, add_agent(context, agent), stock)
        choices = choose_all(live.book, tuple(dict.fromkeys(slots)), facts)
        grants = [each.grant for each in choices.values() if each.grant is not None]
        samples = {name: SAMPLE_CODE for name, offer in grants if offer.said.kind == "code"}
        facts = msgspec.structs.replace(facts, granted={**samples, **facts.granted})
        if hide is not None:
            facts = msgspec.structs.replace(facts, profile=hide(facts.profile), granted=samples)
        return Answer(
            NOT_A_DECISION, live.book.number, {slot: show(live, slot, each, facts) for slot, each in choices.items()}
        )

    def read_facts(self, visit: Visit, context: Mapping[str, Any], stock: Mapping[str, int] | None = None) -> Facts:
        """The person at the moment of the visit."""
        now = self._clock()
        at = now if visit.at is None else visit.at
        facts = Facts(NOBODY, context, at, known=False, draw=NOT_A_DECISION, stock=stock or {})
        if visit.profile_id is None:
            return facts
        profile = self._read_profile(visit.profile_id)
        if visit.at is None:
            found = self._client.hgetall(keys.tally(profile.id))
            tally = {name.decode(): value.decode() for name, value in found.items()}
            facts = msgspec.structs.replace(
                facts,
                counts={name: int(count) for name, count in tally.items() if name.startswith(PERSON)},
                granted={name: code for name, code in tally.items() if name.startswith(GRANT)},
            )
        else:
            profile = self._move(profile, visit.at, is_past=visit.at < now)
        named = name_segments(profile, read_roster().answers)
        if visit.draft:
            named = as_drafted(named, at)
        return msgspec.structs.replace(facts, profile=named, known=True, draw=profile.id)

    def _read_profile(self, profile_id: str) -> Profile:
        packed = self._client.get(keys.profile(profile_id))
        return unpack(packed) if packed else Profile(id=profile_id)

    def _move(self, profile: Profile, at: int, *, is_past: bool) -> Profile:
        """The person at another moment: in the past as the archive knows it, in the future as if nothing more happened.
        Of lists and snapshots no past is kept: they are as now."""
        roster = read_roster()
        enrolled = {each.key for each in roster.versions if each.kind in ENROLLED}
        carried = {key: since for key, since in profile.segments.items() if key in enrolled}
        if is_past:
            profile = fold_past(UUID(profile.id), at, self._memory())
        profile = msgspec.structs.replace(profile, segments=carried)
        membership = compile_roster(roster).evaluate(profile, at)
        return msgspec.structs.replace(profile, segments=membership.segments)


def as_drafted(profile: Profile, at: int) -> Profile:
    """The person in the segments as they are drafted, as if they had been published before `at`; those of lists and
    snapshots are as in force. Raises ValueError for conditions that cannot be published."""
    drafted = [describe_segment(each) for each in Segment.objects.filter(live=True)]
    segments = compile_segments(
        {each["slug"]: each["condition"] for each in drafted if each["kind"] not in ENROLLED},
        calendar=Calendar(find_zone()),
        enrolled={each["slug"] for each in drafted if each["kind"] in ENROLLED},
    )
    return msgspec.structs.replace(profile, segments=segments.evaluate(profile, at).segments)


def _read_book(*, draft: bool) -> LiveBook:
    if draft:
        return load_book(msgspec.json.encode(collect_definitions(0)))
    newest = newest_book()
    return NO_BOOK if newest is None else load_book(msgspec.json.encode({**newest[1], "number": newest[0]}))
