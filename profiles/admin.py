"""The operators' pages of people: to look at, never to change, and bounded however many there are."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import zstandard
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from profiles.models import Identifier, StoredProfile
from profiles.profile import PARTS, History, Profile, unpack
from profiles.queries import find_profiles, list_past_events

SHOWN_EVENTS = 50
SHOWN_MOMENTS = 5  # of each name
SHOWN_IDENTIFIERS = 50

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:  # Django's own classes take no parameter
    ModelAdmin = admin.ModelAdmin
    AnyPaginator = Paginator


class BoundedPaginator(AnyPaginator):
    """Counts no further than anybody turns pages, as counting all rows of a large table takes seconds."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        rows = self.object_list[: self.most]
        return rows.count() if isinstance(rows, QuerySet) else len(rows)


class LookAdmin(ModelAdmin):
    """Pages that show and never change, however many rows there are."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PeopleAdmin(LookAdmin):
    """Pages about people; searching asks indexes for exact values."""

    search_help_text = (
        "A user id, an anonymous id, an identifier such as u:42 or a:f00, or a profile id, in its exact letters."
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.match(term)) if term else queryset), False

    def match(self, term: str) -> Q:
        """What rows have to do with a term that was searched for."""
        raise NotImplementedError


@admin.register(StoredProfile)
class StoredProfileAdmin(PeopleAdmin):
    list_display = ("person", "last_seen", "seen_first", "in_segments")
    search_fields = ("user_id",)
    ordering = ("-last_seen",)
    fields = ("id", "user_id", "first_seen", "last_seen", "updated", "facts", "memory", "past")

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredProfile]:
        people: QuerySet[StoredProfile] = super().get_queryset(request)
        return people.defer("state", "traits")

    def match(self, term: str) -> Q:
        return Q(pk__in=find_profiles(term))

    @admin.display(description="Person")
    def person(self, profile: StoredProfile) -> str:
        return str(profile)

    @admin.display(description="First seen")
    def seen_first(self, profile: StoredProfile) -> datetime:
        return profile.first_seen

    @admin.display(description="Segments")
    def in_segments(self, profile: StoredProfile) -> str:
        return ", ".join(sorted({key.partition("@")[0] for key in profile.segments})) or "none"

    @admin.display(description="Known of this person")
    def facts(self, profile: StoredProfile) -> str:
        known = read_state(profile.state)
        return render_to_string(
            "admin/profiles/facts.html",
            {
                "traits": json.dumps(profile.traits, indent=2, ensure_ascii=False, sort_keys=True),
                "segments": {key: _moment(at) for key, at in known.segments.items()} if known else {},
                "consent": sorted((name, said.value, _moment(said.at)) for name, said in known.consent.items())
                if known
                else [],
                "identifiers": known.identifiers[:SHOWN_IDENTIFIERS] if known else [],
                "more": max(0, len(known.identifiers) - SHOWN_IDENTIFIERS) if known else 0,
                "scores": sorted(known.scores.items()) if known else [],
                "cluster": known.cluster if known else None,
            },
        )

    @admin.display(description="What conditions count")
    def memory(self, profile: StoredProfile) -> str:
        return show_memory(read_state(profile.state))

    @admin.display(description=f"The last {SHOWN_EVENTS} events")
    def past(self, profile: StoredProfile) -> str:
        return render_to_string(
            "admin/profiles/past.html", {"events": list_past_events(profile.pk, limit=SHOWN_EVENTS)}
        )


@admin.register(Identifier)
class IdentifierAdmin(PeopleAdmin):
    list_display = ("key", "profile", "since")
    search_fields = ("key",)
    ordering = ("key",)
    fields = ("key", "profile", "at")

    def match(self, term: str) -> Q:
        return Q(key__in=[term, f"u:{term}", f"a:{term}"]) | Q(profile_id__in=find_profiles(term))

    @admin.display(description="Profile")
    def profile(self, identifier: Identifier) -> str:
        return link_profile(identifier.profile_id)

    @admin.display(description="Since")
    def since(self, identifier: Identifier) -> datetime:
        return identifier.at


def link_profile(id: UUID) -> str:
    return format_html('<a href="{}">{}</a>', reverse("admin:profiles_storedprofile_change", args=[id]), id)


def read_state(raw: bytes | memoryview) -> Profile | None:
    """The packed state, None when this version of the product cannot read it."""
    try:
        return unpack(bytes(raw))
    except (ValueError, zstandard.ZstdError):
        return None


def show_memory(profile: Profile | None) -> str:
    """The event counts of a profile and its newest remembered events, the most recent name on top."""
    histories = [] if profile is None else sorted(profile.events.items(), key=lambda item: -item[1].last)
    rows = [_describe_history(name, history) for name, history in histories]
    return render_to_string("admin/profiles/memory.html", {"readable": profile is not None, "rows": rows})


def _describe_history(name: str, history: History) -> dict[str, Any]:
    newest: Iterable[Any] = islice(reversed(history.recent), SHOWN_MOMENTS)
    return {
        "name": name,
        "count": history.count,
        "total": f"{history.total / PARTS:,.12g}",
        "first": _moment(history.first),
        "last": _moment(history.last),
        "remembered": len(history.recent),
        "moments": [(_moment(each.at), json.dumps(each.properties, ensure_ascii=False)) for each in newest],
    }


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)
