"""The operators' pages of the reconciliation: what each run found, and the evidence of everybody who was mended."""

import json

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from profiles.admin import LookAdmin, PeopleAdmin, link_profile
from profiles.models import Drift, Reconciliation
from profiles.queries import find_profiles


@admin.register(Reconciliation)
class ReconciliationAdmin(LookAdmin):
    list_display = (
        *("__str__", "started", "finished", "people", "differing", "mended", "unsettled", "unjudged", "common"),
        *("by", "note"),
    )
    fields = (
        *("started", "finished", "by", "people", "shards", "alike", "differing", "mended", "unsettled", "unjudged"),
        *("unfilled", "common", "mends", "note", "evidence"),
    )

    @admin.display(description="Evidence")
    def evidence(self, run: Reconciliation) -> str:
        address = reverse("admin:profiles_drift_changelist")
        return format_html('<a href="{}?run__id__exact={}">{} people</a>', address, run.pk, f"{run.differing:,}")


@admin.register(Drift)
class DriftAdmin(PeopleAdmin):
    list_display = ("person", "what", "noticed", "mended", "note")
    list_filter = ("mended",)
    search_fields = ("profile_id",)
    fields = ("profile", "run", "noticed", "mended", "note", "found")

    def match(self, term: str) -> Q:
        return Q(profile_id__in=find_profiles(term))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description="Person")
    def person(self, drift: Drift) -> str:
        return "everybody" if drift.profile_id is None else str(drift.profile_id)

    @admin.display(description="Person")
    def profile(self, drift: Drift) -> str:
        return self.person(drift) if drift.profile_id is None else link_profile(drift.profile_id)

    @admin.display(description="What differed")
    def what(self, drift: Drift) -> str:
        return ", ".join(sorted(drift.aspects))

    @admin.display(description="What was found, and what the archive says")
    def found(self, drift: Drift) -> str:
        said = json.dumps(drift.aspects, indent=2, ensure_ascii=False, sort_keys=True)
        return format_html('<pre style="white-space: pre-wrap">{}</pre>', said)
