"""How far the filling of an audience is: shown while it lasts, called off, tried again."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.audit import Act, record_act
from rules.actions import build_again
from segments.actions import BEFORE_FORCE, cancel_build
from segments.models import Build, Segment
from segments.progress import say_progress
from studio.audiences.finding import ask, find_segment
from studio.audiences.heading import make_heading
from studio.pages import StudioRequest, find_by, needs, refuse, show
from studio.roles import Ability

GIVEN_UP = (Build.State.CANCELLED, Build.State.FAILED)


@needs(Ability.LOOK)
def show_build(request: StudioRequest, slug: str) -> HttpResponse:
    """The part of the page that follows a build; it asks again while the build is under way."""
    heading = make_heading(find_segment(slug))
    standing = heading.standing
    build, progress = standing.build, standing.progress
    others = 0 if build is None else build.versions.exclude(segment=slug).count()
    context = {
        "slug": slug,
        "heading": heading,
        "standing": standing,
        "build": build,
        "progress": progress,
        "says": "" if progress is None else say_progress(progress),
        "others": others,
        "may": build is not None and may_touch(request, build),
        "can_cancel": build is not None and build.state in BEFORE_FORCE,
        "can_try_again": build is not None and build.state in GIVEN_UP,
        "was_moving": "moving" in request.GET,
    }
    return show(request, "studio/audiences/build.html", context)


def may_touch(request: StudioRequest, build: Build) -> bool:
    """What was published is called off by those who publish; people of a file by those who edit."""
    return request.visitor.may(Ability.PUBLISH if build.upload_id is None else Ability.EDIT)


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_cancel(request: StudioRequest, slug: str, number: int) -> HttpResponse:
    """With POST: it is called off, unless it is too late."""
    segment, build = find_segment(slug), _find(slug, number)
    if not may_touch(request, build):
        return refuse(request, request.visitor, Ability.PUBLISH)
    if request.method != "POST":
        says = _("What was filled is thrown away, and what answers now goes on to. It can be tried again later.")
        return ask(request, segment, _("Cancel the filling"), says, _("Cancel the filling"))
    by, at = find_by(request), timezone.now()
    with transaction.atomic():
        cancelled = cancel_build(build, at=at, why=f"Cancelled by {by}.")
        if cancelled:
            _record(Act.CANCELLED, request, segment, build)
    if cancelled:
        messages.success(request, gettext("The filling is cancelled. What answered before goes on to."))
    else:
        messages.warning(request, gettext("It is too late: it is in force, or has ended."))
    return redirect("studio:audience", slug)


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_again(request: StudioRequest, slug: str, number: int) -> HttpResponse:
    """With POST: what is published now is filled anew."""
    segment, build = find_segment(slug), _find(slug, number)
    if not may_touch(request, build):
        return refuse(request, request.visitor, Ability.PUBLISH)
    if request.method != "POST":
        says = _("What is published is filled from the start. What answers now goes on to, until that is done.")
        return ask(request, segment, _("Try again"), says, _("Try again"))
    again = None
    if build.state in GIVEN_UP:
        with transaction.atomic():
            again = build_again(build, at=timezone.now())
            if again is not None:
                _record(Act.STARTED, request, segment, again)
    if again is None:
        messages.info(request, gettext("There is nothing to do: what is published is in force, or on its way."))
    else:
        messages.success(request, gettext("It is being filled again."))
    return redirect("studio:audience", slug)


def _find(slug: str, number: int) -> Build:
    return get_object_or_404(Build.objects.filter(versions__segment=slug).distinct(), pk=number)


def _record(act: Act, request: HttpRequest, segment: Segment, build: Build) -> None:
    note = f"Build {build.pk}"
    by, at = find_by(request), timezone.now()
    record_act(act, by=by, at=at, kind="segment", subject=segment.slug, name=segment.name, note=note)
