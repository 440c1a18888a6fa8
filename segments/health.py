"""How segments are: which version answers and since when, how large they are, what is under way, what is wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from profiles.writing import write_known
from segments.models import Build, Segment
from segments.planning import plan_roster
from segments.progress import Alive, Progress, follow_builds, say_progress
from segments.queries import list_waiting_builds, newest_versions, read_roster, to_versions
from segments.roster import Roster
from segments.sizes import DAY, HOUR, find_cut_overs, find_day_change, list_sizes

A_DAY_AND_MORE = DAY + 2 * HOUR  # of sizes, to tell what a day has changed


class State(StrEnum):
    """How a segment is, in one word."""

    IN_FORCE = "in force"
    FILLING = "filling"
    WAITING = "waiting"
    STUCK = "stuck"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DRAFT = "draft"

    @property
    def words(self) -> str:
        return gettext(_WORDS[self])


_WORDS = {
    State.IN_FORCE: _("in force"),
    State.FILLING: _("filling"),
    State.WAITING: _("waiting"),
    State.STUCK: _("stuck"),
    State.FAILED: _("failed"),
    State.CANCELLED: _("cancelled"),
    State.DRAFT: _("draft"),
}


ENDS: Mapping[str, State] = {Build.State.FAILED: State.FAILED, Build.State.CANCELLED: State.CANCELLED}
TROUBLE = (State.STUCK, *ENDS.values())


@dataclass(frozen=True)
class Change:
    """Somebody has entered or left."""

    what: str
    at: datetime
    cause: str


@dataclass(frozen=True)
class Health:
    """One segment. `reason` says in a sentence why it is in this state; `version` answers, None when none does;
    `size` is what was `counted` at that hour, None until it has been; `day_change` compares with a day before."""

    segment: str
    name: str
    kind: str
    state: State
    reason: str
    version: int | None
    since: datetime | None
    size: int | None
    counted: datetime | None
    day_change: int | None
    changed: Change | None
    build: Progress | None
    error: str

    @property
    def is_troubled(self) -> bool:
        """Somebody should look at it: what is published is not on its way into force, or tidying up is stuck."""
        return self.state in TROUBLE or (self.build is not None and self.build.is_stuck)


class Published(NamedTuple):
    """The segments of the Book in force, and in which zone it counts days."""

    definitions: Sequence[Mapping[str, Any]] = ()
    zone: str = "UTC"


class _Known(NamedTuple):
    """What is known of all segments before any of them is judged."""

    roster: Roster
    published: Mapping[str, str]  # its name by the slug of each
    unfilled: frozenset[str]  # published, and another version answers or none
    coming: Mapping[str, Progress]  # of new versions
    present: Mapping[str, Progress]  # of versions that answer
    newest: Mapping[str, Build]


def list_health(published: Published, *, at: datetime, alive: Alive, only: Iterable[str] | None = None) -> list[Health]:
    """Every segment that is defined, published or in force, or of `only` these, those with trouble first. The number
    of queries does not grow with them."""
    roster, drafts = read_roster(), {segment.slug: segment for segment in Segment.objects.defer("condition")}
    names = {str(each["slug"]): str(each.get("name") or each["slug"]) for each in published.definitions}
    slugs = sorted({*drafts, *names, *roster.answers} if only is None else only)
    coming, present = _follow(at=at, alive=alive)
    known = _Known(
        roster=roster,
        published=names,
        unfilled=_find_unfilled(published, roster),
        coming=coming,
        present=present,
        newest=find_newest_builds(slugs),
    )
    began, changes = find_cut_overs(slugs), find_newest_changes(slugs)
    sizes = list_sizes(slugs, since=at - A_DAY_AND_MORE, cut_overs=began)
    found = []
    for slug in slugs:
        state, reason = _judge(slug, known)
        version = _number(roster.answers.get(slug))
        draft, newest = drafts.get(slug), known.newest.get(slug)
        size = next((each for each in sizes[slug][-1:] if each.version == version), None)
        found.append(
            Health(
                segment=slug,
                name=draft.name if draft else names.get(slug, slug),
                kind=_find_kind(slug, draft, roster),
                state=state,
                reason=reason,
                version=version,
                since=None if version is None else began.get((slug, version)),
                size=size and size.people,
                counted=size and size.hour,
                day_change=size and find_day_change(sizes[slug], at=at),
                changed=changes.get(slug),
                build=coming.get(slug) or present.get(slug),
                error=write_known(newest.error) if newest is not None and state in (State.STUCK, State.FAILED) else "",
            )
        )
    return sorted(found, key=lambda each: (not each.is_troubled, each.name.casefold(), each.segment))


def _judge(slug: str, known: _Known) -> tuple[State, str]:
    """In one word, and why."""
    if slug not in known.published:
        return State.DRAFT, gettext("Not part of the published Book.")
    if slug in known.unfilled:
        return _judge_unfilled(slug, known)
    progress = known.present.get(slug)
    if progress is None:
        said = gettext("Version %(number)s answers.")
    elif progress.is_stuck and progress.adds:
        said = gettext("Version %(number)s answers; adding people to it is stuck: %(cause)s")
    elif progress.is_stuck:
        said = gettext("Version %(number)s answers; tidying up is stuck: %(cause)s")
    elif progress.adds:
        said = gettext("Version %(number)s answers; people are being added.")
    else:
        said = gettext("Version %(number)s answers; who has come and gone by it is being noted.")
    cause = "" if progress is None else progress.waits_for
    return State.IN_FORCE, said % {"number": _number(known.roster.answers.get(slug)), "cause": cause}


def _judge_unfilled(slug: str, known: _Known) -> tuple[State, str]:
    answering = _number(known.roster.answers.get(slug))
    goes_on = gettext("Version %(number)s goes on to answer.") % {"number": answering}
    meanwhile = goes_on if answering else gettext("Nobody is in it before that.")
    progress = known.coming.get(slug)
    if progress is None:
        return _judge_unbuilt(known.newest.get(slug), meanwhile)
    told = say_progress(progress)
    if progress.is_stuck:
        state, said = State.STUCK, gettext("Version %(number)s gets nowhere: %(cause)s %(meanwhile)s")
    elif progress.waits_for:
        state, said = State.WAITING, gettext("Version %(number)s: %(cause)s %(meanwhile)s")
    elif told:
        state, said = State.FILLING, gettext("Version %(number)s is being filled: %(told)s. %(meanwhile)s")
    else:
        state, said = State.WAITING, gettext("Version %(number)s is about to be filled: %(doing)s. %(meanwhile)s")
    return state, said % {
        "number": _number(known.roster.coming.get(slug)),
        "cause": progress.waits_for,
        "told": told,
        "doing": progress.doing,
        "meanwhile": meanwhile,
    }


def _judge_unbuilt(newest: Build | None, meanwhile: str) -> tuple[State, str]:
    """Of what is published and not on its way."""
    if newest is None or newest.state not in ENDS:
        said = gettext("No build was started for what is published: publish again. %(meanwhile)s")
        return State.WAITING, said % {"meanwhile": meanwhile}
    if newest.error:
        said = gettext("Build %(number)s did not bring what is published into force. %(why)s. %(meanwhile)s")
    else:
        said = gettext("Build %(number)s did not bring what is published into force. %(meanwhile)s")
    why = write_known(newest.error).rstrip(".")
    return ENDS[newest.state], said % {"number": newest.pk, "why": why, "meanwhile": meanwhile}


def _find_unfilled(published: Published, roster: Roster) -> frozenset[str]:
    """The published segments whose definition does not answer yet: those that publishing again would have filled."""
    if not published.definitions:
        return frozenset()
    plan = plan_roster(to_versions(published.definitions), roster, newest_versions(), zone=published.zone)
    return frozenset() if plan is None else frozenset(key.rpartition("@")[0] for key in plan.filling)


def _follow(*, at: datetime, alive: Alive) -> tuple[dict[str, Progress], dict[str, Progress]]:
    """The progress of new versions, and of what is done about those that answer, by segment."""
    coming: dict[str, Progress] = {}
    present: dict[str, Progress] = {}
    waiting = list_waiting_builds()
    progress = follow_builds(waiting, at=at, alive=alive)
    for build in waiting:
        is_about_present = build.state == Build.State.SETTLING or build.upload_id is not None
        found = present if is_about_present else coming
        found.update({version.segment: progress[build.pk] for version in build.versions.all()})
    return coming, present


def find_newest_builds(slugs: Iterable[str]) -> dict[str, Build]:
    """The newest build of each segment; people who are added to a list are not meant."""
    through = Build.versions.through
    rows = (
        through.objects.filter(segmentversion__segment__in=list(slugs), build__upload=None)
        .order_by("segmentversion__segment", "-build_id")
        .distinct("segmentversion__segment")
        .select_related("build", "segmentversion")
    )
    return {row.segmentversion.segment: row.build for row in rows}


def find_newest_changes(slugs: Iterable[str]) -> dict[str, Change]:
    """When somebody last entered or left each segment: one look at the index for each of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.slug, newest.what, newest.at, newest.cause FROM unnest(%s::text[]) AS wanted (slug) "
            "CROSS JOIN LATERAL (SELECT what, at, cause FROM segments_segmentchange WHERE segment = wanted.slug "
            "ORDER BY at DESC LIMIT 1) AS newest",
            [list(slugs)],
        )
        return {slug: Change(what, at, cause) for slug, what, at, cause in cursor.fetchall()}


def _find_kind(slug: str, draft: Segment | None, roster: Roster) -> str:
    if draft is not None:
        return draft.kind
    version = roster.find(roster.answers.get(slug, ""))
    return version.kind if version is not None else Segment.Kind.CONDITION.value


def _number(key: str | None) -> int | None:
    """The version of a key."""
    return int(key.rpartition("@")[2]) if key else None
