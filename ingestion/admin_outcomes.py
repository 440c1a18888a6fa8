"""The operators' pages of what became of events: refusals, counters, imports. To look at, never to change."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html

from ingestion.models import Refusal
from ingestion.queries import count_refusals
from profiles.admin import LookAdmin

SHOWN_DAYS = 7


class RefusalAdmin(LookAdmin):
    """The newest refusals one by one, and on top how many there were per reason."""

    change_list_template = "admin/ingestion/refusal/change_list.html"
    list_display = ("at", "source", "reason", "message", "message_id")
    list_filter = ("reason", "source")
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
    list_filter = ("outcome", "source")
    date_hierarchy = "day"
    ordering = ("-day", "source", "outcome")
    list_display_links = None


class ImportRunAdmin(LookAdmin):
    list_display = ("file", "preset", "source", "events", "started", "finished")
    list_select_related = ("source",)
    list_display_links = None
    ordering = ("-started",)
