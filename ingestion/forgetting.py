"""The archive forgets a person: what stands in the order of their partition at once, the rest once every stream is past
the moment of the erasure."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec
import redis
from django.db import InterfaceError, OperationalError, transaction

from ingestion.accepted import Erased
from ingestion.archiving import moment
from ingestion.leftovers import forget_letters, forget_refusals, trim_refused
from ingestion.log import Offset
from ingestion.streams import Streams, is_reached
from profiles import keys
from profiles.clients import Client
from profiles.decided import number_position
from profiles.erasures import (
    forget_acts,
    forget_drift,
    forget_events,
    forget_identifiers_of,
    forget_merges,
    forget_profiles,
    list_identifiers_of,
    list_unfinished,
    note_pending,
    settle_pending,
)
from profiles.glimpses import forget_glimpses
from profiles.models import Erasure
from profiles.store import StoreUnavailable
from profiles.whole import NOT_WHOLE, read_mark
from segments.forgetting import forget_changes, forget_members

logger = logging.getLogger(__name__)

# A link that leads to a profile without a state. KEYS: the link. ARGV: the prefix of profiles, the profile.
_DROP_LINK = """
if redis.call('GET', KEYS[1]) == ARGV[2] and redis.call('EXISTS', ARGV[1] .. ARGV[2]) == 0 then
  return redis.call('DEL', KEYS[1])
end
return 0
"""


class Forget(Protocol):
    """Removes what is kept of profiles besides events and people, and says how many rows of which table: what is not
    newer than `until` (Unix milliseconds; None: all of it), and what came of events before a position. The events are
    still there when it is called."""

    def __call__(self, ids: Sequence[str], *, until: int | None, before: int) -> Mapping[str, int]: ...


class Pending(msgspec.Struct, frozen=True):
    """What is left of an erasure: the profiles, the identifiers, when and where it was applied, and where the streams
    ended when the archive came to it."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    at: int
    before: int
    ends: dict[str, Offset]


class Forgetter:
    """Part of the archiver, in its thread. `clock` gives Unix milliseconds."""

    def __init__(self, client: Client, *, partitions: int, clock: Callable[[], int], forget: Forget) -> None:
        self._client = client
        self._drop_link = client.register_script(_DROP_LINK)
        self._streams = Streams(client)
        self._partitions = partitions
        self._clock = clock
        self._forget = forget
        self._unfinished: list[UUID] | None = None

    def find_ends(self) -> dict[str, Offset]:
        """Where the streams that the archiver reads end by now."""
        return self._streams.list_ends([*map(keys.accepted, range(self._partitions)), keys.REFUSED])

    def begin(self, erased: Erased, ends: Mapping[str, Offset]) -> None:
        """In the transaction that archives the record, behind all that came before it in its stream: whatever comes
        after it there is somebody new."""
        before = number_position(erased.position)
        forget_glimpses(self._client)
        counts = {
            **self._forget([erased.profile], until=None, before=before),
            "events": forget_events([erased.profile], before=before),
            "profiles": forget_profiles([erased.profile]),
            "segment changes": forget_changes([erased.profile], until=None),
            "evidence of mends": forget_drift([erased.profile], until=None),
            "audit entries, without the person": forget_acts([erased.profile], until=None),
        }
        left = Pending((erased.profile, *erased.others), erased.keys, erased.at, before, dict(ends))
        names, at = (*left.ids, *left.names), moment(erased.at)
        note_pending(UUID(erased.erasure), msgspec.to_builtins(left), counts, names=names, at=at)
        self.look_anew()

    def finish(self, offsets: Mapping[str, Offset], mark: int) -> None:
        """Removes the rest of those erasures that every stream is past, by the archiver's `offsets`. Raises
        StoreUnavailable when Redis has not `mark` any more: who is not in it is not gone."""
        if self._unfinished is None:
            self._unfinished = list_unfinished()
        for id in tuple(self._unfinished):
            try:
                is_done = self._finish(id, offsets, mark)
            except (redis.RedisError, StoreUnavailable, InterfaceError, OperationalError):
                raise
            except Exception:  # events have to be archived, whatever is wrong with it; it is tried again after a start
                logger.exception("erasure %s cannot be finished", id)
                is_done = True
            if is_done:
                self._unfinished.remove(id)

    def look_anew(self) -> None:
        self._unfinished = None

    @transaction.atomic
    def _finish(self, id: UUID, offsets: Mapping[str, Offset], mark: int) -> bool:
        receipt = Erasure.objects.select_for_update().filter(pk=id).first()
        if receipt is None:
            return True
        for said in tuple(receipt.pending):
            left = msgspec.convert(said, Pending)
            if self._is_past(left.ends, offsets):
                settle_pending(receipt, said, self._remove(left), at=moment(self._clock()))
        if read_mark(self._client) != mark:
            raise StoreUnavailable(NOT_WHOLE)
        return not receipt.pending

    def _is_past(self, ends: Mapping[str, Offset], offsets: Mapping[str, Offset]) -> bool:
        behind = [stream for stream, end in ends.items() if stream in offsets and not is_reached(offsets[stream], end)]
        # A Redis that lost its newest entries ends earlier than it did.
        now = self._streams.list_ends(behind) if behind else {}
        return all(is_reached(offsets[stream], now[stream]) for stream in behind)

    def _remove(self, left: Pending) -> dict[str, int]:
        """Whatever has the same names and is newer is left alone."""
        others, until = left.ids[1:], moment(left.at)
        counts = {
            **self._forget(others, until=left.at, before=left.before),
            "events": forget_events(left.ids, before=left.before),
            "profiles": forget_profiles(self._list_stateless(left.ids)),
            "identifiers": forget_identifiers_of(left.ids, keep=self._find_links(left.ids)),
            "merges": forget_merges(left.ids, left.names, before=left.before),
            "segment changes": forget_changes(others, until=until),
            "evidence of mends": forget_drift(left.ids, until=until),
            "audit entries, without the person": forget_acts(left.ids, until=until),
            "members of lists": forget_members(left.ids, left.names, until=until),
            "dead letters": forget_letters(left.ids, left.names),
            "refusals": forget_refusals(left.names) + trim_refused(self._client, left.names),
        }
        forget_glimpses(self._client)
        self._trim_logs()
        return counts

    def _list_stateless(self, ids: Iterable[str]) -> list[str]:
        """Those that are nobody at this moment."""
        return [id for id in ids if not self._client.exists(keys.profile(id))]

    def _find_links(self, ids: Sequence[str]) -> list[str]:
        """The identifiers of the durable map that the map in Redis holds for good; what leads nowhere leaves it."""
        kept = []
        for key in list_identifiers_of(ids):
            name = keys.identifier(key)
            if (held := self._client.get(name)) is None:
                continue
            if key.startswith("s:"):
                self._client.delete(name)
            elif held.decode() not in ids or not self._drop_link(keys=[name], args=[keys.profile(""), held]):
                kept.append(key)
        return kept

    def _trim_logs(self) -> None:
        """What the processors are past is of no use, and usually stays until more comes in."""
        partitions = range(self._partitions)
        offsets = self._client.mget([keys.offset(number) for number in partitions])
        pairs = zip(partitions, offsets, strict=True)
        self._streams.trim({keys.log(number): offset.decode() for number, offset in pairs if offset})
