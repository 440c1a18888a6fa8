"""What the organisation has chosen: its clocks, what it asks consent to, how long things are kept. The environment says
it until somebody saves it in the Studio; from then on what was saved last holds, and no process has to start anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.functional import lazy

from profiles.models import Organisation as Stored


@dataclass(frozen=True)
class Organisation:
    """`zone` is the name of a time zone. `retention_days` is how far back profiles remember single events,
    `changes_days` how long it is kept who entered and left a segment, `decisions_days` how long decisions are kept.
    `version` counts how often it was saved; 0 is what the environment says."""

    zone: str
    purposes: tuple[str, ...]
    retention_days: int
    changes_days: int
    decisions_days: int
    version: int = 0


_held: ContextVar[list[Organisation] | None] = ContextVar("organisation", default=None)


def read_organisation() -> Organisation:
    """What holds now: asks PostgreSQL once, within `hold_organisation` once for all."""
    held = _held.get()
    if held is None:
        return _look()
    if not held:
        held.append(_look())
    return held[0]


@contextmanager
def hold_organisation() -> Iterator[None]:
    """Within it PostgreSQL is asked once at most: for requests, and for work that asks again and again. It decorates
    functions, too."""
    if _held.get() is not None:
        yield
        return
    token = _held.set([])
    try:
        yield
    finally:
        _held.reset(token)


@contextmanager
def by_its_clocks() -> Iterator[None]:
    """The same, and moments are written and read in the organisation's time zone."""
    with hold_organisation(), timezone.override(ZoneInfo(find_zone())):
        yield


def let_go() -> None:
    """What is held is read anew: it was saved this moment."""
    held = _held.get()
    if held is not None:
        held.clear()


def find_saved() -> Organisation | None:
    """None while nothing was saved."""
    row = Stored.objects.first()
    if row is None:
        return None
    return Organisation(
        zone=row.zone,
        purposes=tuple(row.purposes),
        retention_days=row.retention_days,
        changes_days=row.changes_days,
        decisions_days=row.decisions_days,
        version=row.version,
    )


def _look() -> Organisation:
    return find_saved() or read_first_values()


def read_first_values() -> Organisation:
    """What the environment says."""
    return Organisation(
        zone=settings.PZ_TIME_ZONE,
        purposes=tuple(settings.PZ_CONSENT_PURPOSES),
        retention_days=settings.PZ_RETENTION_DAYS,
        changes_days=settings.PZ_SEGMENT_CHANGES_DAYS,
        decisions_days=settings.PZ_DECISIONS_DAYS,
    )


def find_zone() -> str:
    """The name of the organisation's time zone."""
    return read_organisation().zone


lazy_zone = lazy(find_zone, str)  # for texts that are written before anybody asks for them
