"""Segments in force at once, as if they had been filled long ago."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils import timezone

from personalization.snapshot import announce
from profiles import keys
from profiles.clients import Client
from segments.actions import finish_build, put_in_force
from segments.planning import cut_over, plan_roster
from segments.queries import list_waiting_builds
from segments.roster import NO_ROSTER, Roster, Version


def make_roster(conditions: Mapping[str, Any]) -> Roster:
    """A roster in which the first version of every segment answers."""
    versions = [Version(segment=slug, version=1, condition=tree) for slug, tree in conditions.items()]
    plan = plan_roster(versions, NO_ROSTER, {}, zone="UTC")
    assert plan is not None
    return cut_over(plan.roster)


def announce_segments(client: Client, conditions: Mapping[str, Any]) -> None:
    """Every process of this Redis works with these segments within a second."""
    roster = make_roster(conditions)
    announce(client, keys.ROSTER, roster.number, msgspec.json.encode(roster))


def end_builds() -> None:
    """What was published is in force, without anybody having been asked."""
    for build in list_waiting_builds():
        assert put_in_force(build, at=timezone.now())
        finish_build(build, settled=(), at=timezone.now())
