"""A person is erased: their partition forgets them, and nothing that is still on its way brings them back. Pure."""

from collections.abc import Collection, Iterable

from ingestion.accepted import Erased
from ingestion.accepted import pack as pack_accepted
from ingestion.live import Change
from ingestion.live import pack as pack_change
from ingestion.steps import MAX_HOPS, Work, resolve
from profiles.event import Erase, Merge, Restore, Retire, derive_profile_id, user_key
from profiles.identity import apart_key, find_owner, retired_key
from profiles.profile import Profile
from profiles.profile import unpack as unpack_profile
from profiles.store import Tombstone


def erase_person(work: Work, request: Erase) -> None:
    """Wherever the person lives by now: who was taken over since is erased with the person they are part of."""
    owner = resolve(work, request.profile)
    if request.idle_since and not _is_idle(work, request, owner):
        return
    keys = (*request.keys, retired_key(request.profile))
    if work.home(owner) == work.commit.partition:
        forget_profile(work, work.profile(owner), Tombstone(request.at, request.erasure), keys)
    else:
        work.send(owner, Erase(profile=owner, erasure=request.erasure, at=request.at, keys=keys))


def _is_idle(work: Work, request: Erase, owner: str) -> bool:
    """Whether somebody is still the same, unknown by name, and has not come back since the request was worked out."""
    if owner != request.profile:
        return False
    profile = work.profile(owner)
    return profile.user_id is None and profile.last_seen < request.idle_since


def forget_profile(work: Work, profile: Profile, stone: Tombstone, keys: Iterable[str] = ()) -> None:
    """In the profile's own partition: its state, timer and tally are gone, with the identifiers that stand for it and
    the profiles it had taken over. Whoever watches it is told. `keys` are known besides those it has noted."""
    id = profile.id
    noted = _list_noted(work, profile, keys)
    former = _find_former(work, noted, {id})
    owned = _find_owned(work, noted, {id, *former})
    _unlink(work, (*owned, *_list_apart(work, noted, {id, *former}), *map(retired_key, former)))
    work.profiles[id] = Profile(id=id)
    work.touched.discard(id)
    work.memberships.pop(id, None)
    work.commit.profiles[id] = None
    work.commit.soft_timers.pop(id, None)
    work.commit.timers[id] = None
    left = work.definitions.segments.say(profile.segments)
    work.commit.changes.append((id, pack_change(Change(left=left, parted=True))))
    _note(work, id, stone, owned, former)


def forget_handed(work: Work, handed: Merge | Restore, stone: Tombstone) -> None:
    """A state that was on its way to a profile while that was erased: nobody takes it in. What the profile has used
    again since is left to it."""
    id, taker, keys = _describe(handed)
    again = work.profile(taker).identifiers
    known = _list_noted(work, unpack_profile(handed.state), (*keys, retired_key(id)))
    noted = [key for key in known if key not in again]
    former = _find_former(work, noted, {id, taker})
    owned = _find_owned(work, noted, {id, taker, *former})
    _unlink(work, (*owned, *_list_apart(work, noted, {id, *former}), *map(retired_key, former)))
    _note(work, id, stone, owned, former - {taker})


def find_erasure(work: Work, record: Retire | Merge | Restore) -> Tombstone | None:
    """Whether the profile that a record is to bring a state to was erased since the record's cause was received."""
    if isinstance(record, Restore):
        names = [record.profile]
    else:
        names = [record.winner, derive_profile_id(user_key(record.user_id))]
    stones = (work.erased.get(name) for name in names)
    return next((stone for stone in stones if stone is not None and record.at <= stone.at), None)


def _describe(handed: Merge | Restore) -> tuple[str, str, tuple[str, ...]]:
    """Whose state it is, to whom it was on its way, and the identifiers that went ahead."""
    if isinstance(handed, Merge):
        return handed.loser, handed.winner, handed.keys
    return handed.profile, handed.profile, ()


def _list_noted(work: Work, profile: Profile, keys: Iterable[str]) -> list[str]:
    """The identifiers that could be the person's, with what the map says of them, and of the profiles derived of them:
    every profile that was taken over was once derived of one."""
    noted = dict.fromkeys((*profile.identifiers, *keys))
    derived = [derive_profile_id(key) for key in noted if _is_name(key)]
    noted |= dict.fromkeys(retired_key(id) for id in derived)
    ids = {profile.id, *derived, *(key[2:] for key in noted if key.startswith("p:"))}
    _look_up(work, (*noted, *map(apart_key, ids)))
    return list(noted)


def _find_former(work: Work, noted: Iterable[str], targets: Collection[str]) -> set[str]:
    """The profiles that became part of `targets`, over however many merges."""
    return {key[2:] for key in noted if key.startswith("p:") and _leads_to(work, key, targets)}


def _leads_to(work: Work, key: str, targets: Collection[str]) -> bool:
    for _ in range(MAX_HOPS):
        _look_up(work, [key])
        if (id := work.links.get(key)) is None:
            return False
        if id in targets:
            return True
        key = retired_key(id)
    return False


def _find_owned(work: Work, noted: Iterable[str], owners: Collection[str]) -> list[str]:
    """Those that stand for `owners`: a device that was noted may be somebody else's."""
    some = next(iter(owners))
    return [key for key in noted if _is_name(key) and find_owner(key, work.links.get, some) in owners]


def _list_apart(work: Work, noted: Iterable[str], ids: Collection[str]) -> list[str]:
    """What keeps others apart from `ids`, and these from others."""
    return [*(key for key in noted if key.startswith("s:") and work.links.get(key) in ids), *map(apart_key, ids)]


def _is_name(key: str) -> bool:
    return key[:2] in ("u:", "a:")


def _look_up(work: Work, keys: Iterable[str]) -> None:
    unread = [key for key in dict.fromkeys(keys) if key not in work.links and key not in work.unlinked]
    if unread:
        work.links.update(work.find_links(unread))
        work.unlinked.update(unread)


def _unlink(work: Work, keys: Iterable[str]) -> None:
    for key in dict.fromkeys(keys):
        if key in work.links:
            work.unlink(key)


def _note(work: Work, id: str, stone: Tombstone, owned: Collection[str], former: Iterable[str]) -> None:
    """For whatever comes later under the same names, and for the archive."""
    others = {*former, *map(derive_profile_id, owned)} - {id}
    stones = dict.fromkeys((id, *others), stone)
    work.erased.update(stones)
    work.commit.erased.update(stones)
    record = Erased(
        profile=id,
        erasure=stone.erasure,
        at=work.now,
        position=work.position,
        others=tuple(sorted(others)),
        keys=tuple(owned),
    )
    work.commit.accepted.append(pack_accepted(record))
