"""A person, what the slots of a message show them, and the moment: read together, so that they fit each other."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from personalization.decide import Answer, Decider
from profiles.profile import Profile
from profiles.reader import ProfileReader
from profiles.store import StoreUnavailable
from rules.engine import NOBODY
from segments.roster import Roster, name_segments


class Personal(NamedTuple):
    """The answer to a question, for whom it is, and when it was given (Unix milliseconds)."""

    answer: Answer
    profile: Profile
    now: int


class ProfileLate(Exception):
    """The profile could not be read in time, so that nothing is known of the person's consent either."""


class MailDecider:
    """Decides for the recipients of a call; they share their round trips. `deadline` in seconds."""

    def __init__(
        self,
        *,
        decider: Decider,
        reader: ProfileReader,
        roster: Callable[[], Roster],
        clock: Callable[[], int],
        deadline: float,
    ) -> None:
        self._decider = decider
        self._reader = reader
        self._roster = roster
        self._clock = clock
        self._deadline = deadline

    async def decide_for(self, identifier: str, slots: Sequence[str], context: Mapping[str, Any]) -> Personal:
        """Raises ProfileLate."""
        try:
            # Both are asked for in the same moment, and so are read in the same round trip.
            answer, found = await asyncio.gather(
                self._decider.decide(identifier, slots, context), self._reader.read(identifier, self._deadline)
            )
        except (TimeoutError, StoreUnavailable) as error:
            raise ProfileLate("the profile could not be read in time; render for this person again") from error
        profile = name_segments(found.profile, self._roster().answers) if found.profile else NOBODY
        return Personal(answer, profile, self._clock())
