"""The operators' pages of merges, where one is undone. The processor does that, so they stand beside the wiring."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from ingestion.log import LogUnavailable
from ingestion.undoing import Plan, UndoPending, UndoRefused
from personalization.wiring import make_undoer
from profiles.admin import PeopleAdmin, link_profile, read_state, show_memory
from profiles.models import MergeRecord
from profiles.profile import Profile
from profiles.queries import find_profiles
from profiles.store import StoreUnavailable

UNDO = "profiles.change_mergerecord"
AWAY = "Redis is away. Try again once it is back."


class UndoneFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("one", "one person"), ("undone", "undone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MergeRecord]) -> QuerySet[MergeRecord]:
        value = self.value()
        return queryset if value is None else queryset.filter(undone__isnull=value == "one")


class MergeRecordAdmin(PeopleAdmin):
    change_form_template = "admin/profiles/mergerecord/change_form.html"
    list_display = ("title", "happened", "winner", "why", "undone")
    list_filter = (UndoneFilter,)
    search_fields = ("loser_id",)
    ordering = ("-id",)
    fields = ("loser_id", "winner", "because", "at", "undone", "undone_by", "memory")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MergeRecord]:
        merges: QuerySet[MergeRecord] = super().get_queryset(request)
        return merges.defer("state", "before")

    def match(self, term: str) -> Q:
        people = find_profiles(term)
        return Q(loser_id__in=people) | Q(winner_id__in=people)

    @admin.display(description="Profile")
    def title(self, merge: MergeRecord) -> str:
        return str(merge.loser_id)

    @admin.display(description="At")
    def happened(self, merge: MergeRecord) -> datetime:
        return merge.at

    @admin.display(description="Taken over by")
    def winner(self, merge: MergeRecord) -> str:
        return link_profile(merge.winner_id)

    @admin.display(description="Linked by message")
    def why(self, merge: MergeRecord) -> str:
        return merge.because

    @admin.display(description="What it brought along")
    def memory(self, merge: MergeRecord) -> str:
        return show_memory(read_state(merge.state))

    def get_urls(self) -> list[URLPattern]:
        undo = self.admin_site.admin_view(self.show_undo)
        return [path("<int:id>/undo/", undo, name="profiles_mergerecord_undo"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_undo(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """Says what would become of both, and with POST undoes the merge."""
        if not request.user.has_perm(UNDO):
            raise PermissionDenied
        merge = get_object_or_404(MergeRecord, pk=id)
        try:
            if request.method != "POST":
                return self._ask(request, merge, make_undoer().plan(merge))
            make_undoer().undo(merge, by=request.user.get_username())
        except UndoRefused as refused:
            messages.error(request, str(refused))
        except (StoreUnavailable, LogUnavailable):
            messages.error(request, AWAY)
        except UndoPending as pending:
            self.log_change(request, merge, "Asked to undo it.")
            messages.warning(request, str(pending))
        else:
            self.log_change(request, merge, "Undid it.")
            messages.success(request, "The two are apart again, and stay apart until an alias call joins them.")
        return redirect("admin:profiles_mergerecord_change", merge.pk)

    def _ask(self, request: HttpRequest, merge: MergeRecord, plan: Plan) -> HttpResponse:
        parted = plan.parted
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Undo the merge",
            "merge": merge,
            "people": [_describe("Taken over", parted.loser), _describe("Took it over", parted.winner)],
            "events": parted.events,
            "keys": [key for key in parted.keys if not key.startswith("p:")],
            "passed": len(parted.passed),
        }
        return TemplateResponse(request, "admin/profiles/mergerecord/undo.html", page)


def _describe(role: str, profile: Profile) -> dict[str, Any]:
    return {
        "role": role,
        "id": UUID(profile.id),
        "user": profile.user_id,
        "events": sum(history.count for history in profile.events.values()),
        "memory": show_memory(profile),
    }
