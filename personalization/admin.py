"""The operators' pages that act on the running product, beside its wiring: dead letters, merges, builds."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django_otp.plugins.otp_static.admin import StaticDevice  # its own page is registered by this

from ingestion.log import LogUnavailable
from ingestion.models import DeadLetter
from personalization.admin_back_tests import BackTestAdmin as BackTestAdmin  # registers itself
from personalization.admin_builds import BuildAdmin
from personalization.admin_drift import DriftAdmin as DriftAdmin  # registers itself
from personalization.admin_merges import MergeRecordAdmin
from personalization.admin_people import ErasureAdmin as ErasureAdmin  # registers itself
from personalization.dead_letters import show_record
from personalization.wiring import replay
from profiles.admin import LookAdmin
from profiles.models import MergeRecord
from segments.models import Build

REPLAY = "ingestion.change_deadletter"

admin.site.register(MergeRecord, MergeRecordAdmin)
admin.site.register(Build, BuildAdmin)
admin.site.unregister(StaticDevice)  # it would show everybody's recovery codes


class StateFilter(admin.SimpleListFilter):
    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "waiting"), ("replayed", "replayed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
        value = self.value()
        return queryset if value is None else queryset.filter(replayed__isnull=value == "waiting")


@admin.register(DeadLetter)
class DeadLetterAdmin(LookAdmin):
    list_display = ("title", "at", "reason", "tries", "replayed")
    list_filter = (StateFilter, "log")
    search_fields = ("reason", "offset")
    ordering = ("-id",)
    fields = ("log", "partition", "offset", "reason", "tries", "at", "replayed", "record")
    actions = ("replay_letters",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        letters: QuerySet[DeadLetter] = super().get_queryset(request)
        return letters.defer("raw")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REPLAY)

    @admin.display(description="Record")
    def title(self, letter: DeadLetter) -> str:
        return f"{letter.get_log_display()} {letter.partition} at {letter.offset}"

    @admin.display(description="Record")
    def record(self, letter: DeadLetter) -> str:
        return format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', show_record(letter))

    @admin.action(description="Replay: put back into the log", permissions=["replay"])
    def replay_letters(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        try:
            count = replay(queryset.order_by("id"))
        except LogUnavailable:
            messages.error(request, "Redis is away: not all were put back. Those that were are marked as replayed.")
            return
        if count:
            messages.success(request, f"{count} put back. One that fails again comes back as a letter of its own.")
        if done := len(queryset) - count:
            messages.info(request, f"{done} had been put back before, and stayed as they are.")
