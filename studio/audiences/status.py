"""How each audience stands: a draft only, live, changed since, being filled, failed or off; in a few questions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from personalization.vitals import look_alive
from personalization.wiring import redis_client
from rules.queries import find_published
from segments.health import find_newest_builds
from segments.models import Build, Segment
from segments.progress import Progress, follow_builds
from segments.queries import describe_segment, list_waiting_builds, read_roster
from segments.roster import Roster

COMPARED = ("name", "kind", "condition", "as_of")  # what a Book says of a segment
UNSAID = {"kind": "condition"}  # of Books of before there were other kinds


class Status(TextChoices):
    DRAFT = "draft", _("Draft only")
    LIVE = "live", _("Live")
    CHANGED = "changed", _("Changed since published")
    FILLING = "filling", _("Being filled")
    FAILED = "failed", _("Failed")
    LEAVING = "leaving", _("Goes with the next publication")
    OFF = "off", _("Not live")


LOOKS = {
    Status.DRAFT: "",
    Status.LIVE: "tag-success",
    Status.CHANGED: "tag-warning",
    Status.FILLING: "tag-info",
    Status.FAILED: "tag-error",
    Status.LEAVING: "tag-warning",
    Status.OFF: "",
}


@dataclass(frozen=True)
class Standing:
    """`is_changed`: the draft says something else than what is published. `progress` of a build under way."""

    status: Status
    is_published: bool
    is_changed: bool
    progress: Progress | None = None
    build: Build | None = None

    @property
    def look(self) -> str:
        return LOOKS[self.status]

    @property
    def label(self) -> str:
        return str(self.status.label)


@dataclass(frozen=True)
class Known:
    """What is published, answers and is under way: read once for all audiences of a page."""

    published: Mapping[str, Mapping[str, Any]]
    roster: Roster
    builds: Mapping[str, tuple[Build, Progress]]

    def people_key(self, slug: str) -> str | None:
        return self.roster.answers.get(slug)

    def number(self, slug: str) -> int | None:
        key = self.people_key(slug)
        return None if key is None else int(key.rpartition("@")[2])


def read_known() -> Known:
    published = {str(each["slug"]): each for each in find_published().definitions}
    waiting = list_waiting_builds()
    progress = {}
    if waiting:
        progress = follow_builds(waiting, at=timezone.now(), alive=look_alive(redis_client()))
    builds = {
        version.segment: (build, progress[build.pk])
        for build in reversed(waiting)
        if build.state != Build.State.SETTLING
        for version in build.versions.all()
    }
    return Known(published, read_roster(), builds)


def find_standings(segments: Iterable[Segment], known: Known) -> dict[str, Standing]:
    """The standing of each of these drafts, by slug."""
    drafts = list(segments)
    newest = find_newest_builds([each.slug for each in drafts])
    ended = {
        slug: build for slug, build in newest.items() if build.state in (Build.State.FAILED, Build.State.CANCELLED)
    }
    return {each.slug: _judge(each, known, ended.get(each.slug)) for each in drafts}


def _judge(segment: Segment, known: Known, ended: Build | None) -> Standing:
    published = known.published.get(segment.slug)
    if published is None:
        return Standing(Status.DRAFT if segment.live else Status.OFF, False, False)
    is_changed = not says(describe_segment(segment), published) or not segment.live
    if (found := known.builds.get(segment.slug)) is not None:
        build, progress = found
        status = Status.FAILED if progress.is_stuck else Status.FILLING
        return Standing(status, True, is_changed, progress, build)
    if ended is not None and not _answers(segment.slug, published, known.roster):
        return Standing(Status.FAILED, True, is_changed, None, ended)
    if not segment.live:
        return Standing(Status.LEAVING, True, True)
    return Standing(Status.CHANGED if is_changed else Status.LIVE, True, is_changed)


def says(definition: Mapping[str, Any], published: Mapping[str, Any]) -> bool:
    """Whether a definition is the published one."""
    return all(definition.get(field) == published.get(field, UNSAID.get(field)) for field in COMPARED)


def _answers(slug: str, published: Mapping[str, Any], roster: Roster) -> bool:
    """Whether the version that answers says what is published."""
    version = roster.find(roster.answers.get(slug, ""))
    return version is not None and (version.kind, version.condition) == (
        published.get("kind", "condition"),
        published.get("condition"),
    )
