"""The operators' pages of what became of events: refusals, counters, imports, archive. To look at, never to change."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html

from ingestion import steps
from ingestion.models import Refusal, Source
from ingestion.queries import count_refusals
from ingestion.refusals import Refused
from profiles.admin import LookAdmin

SHOWN_DAYS = 7


class OneOf(admin.SimpleListFilter):
    """A filter by one column whose values are known, so that no table is read for them; others find nothing."""

    def values(self) -> Iterable[str]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        known = {key for key, _ in self.lookup_choices}
        return queryset.filter(**{self.parameter_name or "": value}) if value in known else queryset.none()


class SourceFilter(OneOf):
    title = parameter_name = "source"

    def values(self) -> Iterable[str]:
        return ["-", *Source.objects.order_by("slug").values_list("slug", flat=True)]


class ReasonFilter(OneOf):
    title = parameter_name = "reason"

    def values(self) -> Iterable[str]:
        return sorted(Refused)


class OutcomeFilter(OneOf):
    title = parameter_name = "outcome"

    def values(self) -> Iterable[str]:
        return [*steps.Outcome, *sorted(Refused)]


class RefusalAdmin(LookAdmin):
    """The newest refusals one by one, and on top how many there were per reason."""

    change_list_template = "admin/ingestion/refusal/change_list.html"
    list_display = ("at", "source", "reason", "message", "message_id")
    list_filter = (ReasonFilter, SourceFilter)
    search_fields = ("message", "message_id", "sample")
    search_help_text = "Words of the message or of what was sent, or a messageId."
    ordering = ("-id",)
    fields = ("at", "source", "reason", "message", "message_id", "sent")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        counts = count_refusals(today=timezone.now().date(), days=SHOWN_DAYS)
        return super().changelist_view(request, {**(extra_context or {}), "counts": counts, "days": SHOWN_DAYS})

    @admin.display(description="What was sent")
    def sent(self, refusal: Refusal) -> str:
        return format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', refusal.sample)


class OutcomeAdmin(LookAdmin):
    """Counters of every event by day, source and what became of it."""

    list_display = ("day", "source", "outcome", "count")
    list_filter = (OutcomeFilter, SourceFilter)
    date_hierarchy = "day"
    ordering = ("-day", "source", "outcome")
    list_display_links = None


class ImportRunAdmin(LookAdmin):
    list_display = ("file", "preset", "source", "events", "started", "finished")
    list_select_related = ("source",)
    list_display_links = None
    ordering = ("-started",)


class ArchiveOffsetAdmin(LookAdmin):
    """How far the archiver has come in each stream."""

    list_display = ("stream", "offset")
    list_display_links = None
    ordering = ("stream",)
