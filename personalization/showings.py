"""What the pages of a debug source are shown of a change: looked up, put together and encoded once for all of them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ingestion.live import Change
from profiles.profile import Profile
from profiles.reader import Found, ProfileReader
from segments.roster import Roster, name_segments

TOLD_EVENTS = 20  # the newest of one commit: a frame for each of many would take a page for one that does not read
READ_S = 1.0  # for the profile that a push tells of; no decision waits for it

_encode = msgspec.json.Encoder().encode


class Showings:
    """Of one event loop. Pages of the same visitor hear of a change in the same moment: they share the work."""

    def __init__(self, reader: ProfileReader, roster: Callable[[], Roster]) -> None:
        self._reader = reader
        self._roster = roster
        self._under_way: dict[tuple[str, Change], asyncio.Task[list[bytes]]] = {}

    async def show(self, identifier: str, change: Change) -> list[bytes]:
        """The frames, encoded; raises StoreUnavailable, or TimeoutError when the store takes too long."""
        asked = (identifier, change)
        task = self._under_way.get(asked)
        if task is None:
            task = self._under_way[asked] = asyncio.create_task(self._make(identifier, change))
            task.add_done_callback(lambda _: self._under_way.pop(asked))
        return await asyncio.shield(task)  # others wait for it too

    async def _make(self, identifier: str, change: Change) -> list[bytes]:
        found = await self._reader.read(identifier, READ_S)
        return [_encode(frame) for frame in _debug_frames(change, found, self._roster().answers)]


def _debug_frames(change: Change, found: Found, answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """One frame per event of the commit; the last one carries what it all led to."""
    profile = None if found.profile is None else name_segments(found.profile, answers)
    bare: dict[str, Any] = {"type": "changed", "entered": (), "left": ()}
    frames = [
        {**bare, "event": {"name": event.name, "at": event.at, "messageId": event.id}}
        for event in change.events[-TOLD_EVENTS:]
    ] or [bare]
    frames[-1] |= {"entered": change.entered, "left": change.left, **_shown(found.profile_id, profile)}
    return frames


def _shown(profile_id: str, profile: Profile | None) -> dict[str, Any]:
    if profile is None:
        return {"profile": {"id": profile_id, "userId": None, "events": {}, "traits": {}}, "segments": ()}
    return {
        "profile": {
            "id": profile_id,
            "userId": profile.user_id,
            "events": {name: history.count for name, history in profile.events.items()},
            "traits": {name: trait.value for name, trait in profile.traits.items()},
        },
        "segments": sorted(profile.segments),
    }
