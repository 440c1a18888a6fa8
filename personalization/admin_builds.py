"""The operators' pages of builds: how far each is, what it waits for; calling one off, and trying again."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_http_methods

from personalization.vitals import REFRESH_S, look_alive
from personalization.wiring import redis_client
from profiles.admin import LookAdmin
from rules.actions import build_again
from segments.actions import BEFORE_FORCE, cancel_build
from segments.models import Build
from segments.progress import Progress, follow_builds, say_duration
from segments.queries import list_waiting_builds

CHANGE = "segments.change_build"
SHOWN_SEGMENTS = 3  # of each row
GIVEN_UP = (Build.State.CANCELLED, Build.State.FAILED)


class BuildAdmin(LookAdmin):
    """What is being filled, and what was. Builds are made by publishing."""

    list_display = ("title", "state_now", "some_segments", "progress", "queued", "took")
    list_filter = ("state",)
    ordering = ("-id",)
    fields = ("state_now", "segments", "progress", "queued", "started", "in_force", "finished", "took", "tries")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Build]:
        builds: QuerySet[Build] = super().get_queryset(request)
        return builds.select_related("upload").prefetch_related("versions")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """With how far the builds of the page are, asked once for all of them."""
        changelist = super().get_changelist_instance(request)
        changelist.result_list = follow(changelist.result_list)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Build | None:
        build: Build | None = super().get_object(request, object_id, from_field)
        return None if build is None else follow([build])[0]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        is_moving = Build.objects.exclude(state__in=Build.ENDED).exists()
        more = {"title": "Builds", "refresh": REFRESH_S if is_moving else None}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        build = Build.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        may = request.user.has_perm(CHANGE)
        more = {
            "refresh": REFRESH_S if build is not None and build.state not in Build.ENDED else None,
            "may_cancel": may and build is not None and build.state in BEFORE_FORCE,
            "may_try_again": may and build is not None and build.state in GIVEN_UP,
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @admin.display(description="Build", ordering="id")
    def title(self, build: Build) -> str:
        return str(build)

    @admin.display(description="State", ordering="state")
    def state_now(self, build: Any) -> str:
        """And what it waits for, or what went wrong."""
        progress: Progress | None = build.progress
        is_stuck = progress is not None and progress.is_stuck
        look = "stuck" if is_stuck else build.state if build.state in Build.ENDED else "filling"
        word = f"Stuck: {build.get_state_display()}" if is_stuck else build.get_state_display()
        says = build.error if progress is None else progress.waits_for
        return format_html('<span class="state state-{}">{}</span> {}', look, word, says)

    @admin.display(description="Segments")
    def segments(self, build: Build, shown: int | None = None) -> str:
        found = [
            (reverse("segments_segment_health", args=[version.segment]), version.segment, version.version)
            for version in sorted(build.versions.all(), key=lambda version: version.segment)
        ]
        if build.recalls:
            declared = (f"{', '.join(paths)} of {name}" for name, paths in sorted(build.recalls.items()))
            return f"what was declared later is remembered: {'; '.join(declared)}"
        if not found:
            return "none is new: some were withdrawn"
        links = format_html_join(", ", '<a href="{}">{}</a> version {}', found[:shown])
        if shown is not None and len(found) > shown:
            links = format_html("{} and {} more", links, len(found) - shown)
        return links if build.upload is None else format_html("{}: people of {}", links, build.upload.file)

    @admin.display(description="Segments")
    def some_segments(self, build: Build) -> str:
        return self.segments(build, SHOWN_SEGMENTS)

    @admin.display(description="Progress")
    def progress(self, build: Any) -> str:
        if not build.total or build.state == Build.State.DONE:
            return "-"
        if build.progress is None:
            return f"{build.done:,} of {build.total:,}"
        return render_to_string("admin/segments/progress.html", {"progress": build.progress})

    @admin.display(description="Took")
    def took(self, build: Build) -> str:
        return "-" if build.started is None else say_duration((build.finished or timezone.now()) - build.started)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:id>/cancel/", wrap(self.show_cancel), name="segments_build_cancel"),
            path("<int:id>/try-again/", wrap(self.show_try_again), name="segments_build_try_again"),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_cancel(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """Asks whether it is meant, and with POST: it is called off, unless it is too late."""
        build = _find(request, id)
        is_too_late = build.state not in BEFORE_FORCE
        if request.method == "POST" and not is_too_late:
            with transaction.atomic():
                is_too_late = not cancel_build(build, at=timezone.now(), why=f"Cancelled by {request.user}.")
                if not is_too_late:
                    self.log_change(request, build, "Cancelled.")
                    messages.success(request, f"{build} is cancelled. What answered before goes on to.")
        if is_too_late:
            messages.warning(request, f"{build} is in force or has ended: it is too late to cancel it.")
        if is_too_late or request.method == "POST":
            return redirect("admin:segments_build_change", build.pk)
        says = "What was filled is thrown away, and what answers now goes on to. It can be tried again later."
        return self._ask(request, build, f"Cancel build {build.pk}", says)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_try_again(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """Asks whether it is meant, and with POST: what is published now is filled anew."""
        build = _find(request, id)
        if build.state not in GIVEN_UP:
            messages.info(request, f"{build} has not failed and was not cancelled: there is nothing to try again.")
            return redirect("admin:segments_build_change", build.pk)
        if request.method == "POST":
            with transaction.atomic():
                again = build_again(build, at=timezone.now())
                if again is not None:
                    self.log_addition(request, again, f"In place of {build}.")
            if again is not None:
                messages.success(request, f"{again} is under way.")
            else:
                messages.info(request, "There is nothing to do: what is published is in force, or on its way.")
            return redirect("admin:segments_build_change", (again or build).pk)
        if build.upload is not None:
            says = f"The people of {build.upload.file} are put into the list anew; who is in it already stays."
        else:
            says = (
                "What the Book in force says is filled from the start. What answers now goes on to, until that is done."
            )
        return self._ask(request, build, f"Try build {build.pk} again", says)

    def _ask(self, request: HttpRequest, build: Build, title: str, says: str) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        context = {**common, "title": title, "says": says, "build": build}
        return TemplateResponse(request, "admin/segments/build/confirm.html", context)


def follow(builds: Iterable[Any]) -> list[Any]:
    """The builds, each with its `progress`; None where it has ended."""
    found = list(builds)
    progress: dict[int, Progress] = {}
    if any(build.state not in Build.ENDED for build in found):
        progress = follow_builds(list_waiting_builds(), at=timezone.now(), alive=look_alive(redis_client()))
    for build in found:
        build.progress = progress.get(build.pk)
    return found


def _find(request: HttpRequest, id: int) -> Build:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    return get_object_or_404(Build.objects.select_related("upload"), pk=id)
