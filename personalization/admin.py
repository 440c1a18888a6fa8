"""The operators' pages that act on the running product, beside its wiring: dead letters, merges, builds."""

import json
from typing import Any

import msgspec
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from ingestion.accepted import unpack as unpack_accepted
from ingestion.log import LogUnavailable
from ingestion.models import DeadLetter
from personalization.admin_back_tests import BackTestAdmin as BackTestAdmin  # registers itself
from personalization.admin_builds import BuildAdmin
from personalization.admin_merges import MergeRecordAdmin
from personalization.admin_people import ErasureAdmin as ErasureAdmin  # registers itself
from personalization.wiring import replay
from profiles.admin import LookAdmin
from profiles.event import unpack
from profiles.models import MergeRecord
from segments.models import Build

SHOWN_BYTES = 2_000  # of a record that cannot be read
SHOWN_LETTERS = 64_000  # of one that can
REPLAY = "ingestion.change_deadletter"

admin.site.register(MergeRecord, MergeRecordAdmin)
admin.site.register(Build, BuildAdmin)


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


def show_record(letter: DeadLetter) -> str:
    """What the record says with the names of its fields; else why it cannot be read, and what can be seen of it."""
    raw = bytes(letter.raw)
    read: Any = unpack_accepted if letter.log == DeadLetter.Log.ACCEPTED else unpack
    try:
        return _write(_name_fields(read(raw)))
    except (ValueError, RecursionError) as error:
        return f"Cannot be decoded: {error}.\n\n{_show_bytes(raw)}"


def _show_bytes(raw: bytes) -> str:
    try:
        return _write(msgspec.msgpack.decode(raw))  # of another version of the product, perhaps
    except (ValueError, RecursionError):
        return f"{len(raw):,} bytes:\n{raw[:SHOWN_BYTES].hex(' ')}\n{raw[:SHOWN_BYTES]!r}"


def _name_fields(value: Any) -> Any:
    """Records travel as lists; people read names. Fields that say nothing are left out."""
    if isinstance(value, msgspec.Struct):
        named = {name: _name_fields(getattr(value, name)) for name in value.__struct_fields__}
        said = {name: inner for name, inner in named.items() if inner not in (None, {}, (), [])}
        return {"record": value.__struct_config__.tag, **said}
    return value


def _write(value: Any) -> str:
    def say(other: object) -> str:
        return f"{len(other):,} bytes" if isinstance(other, bytes) else repr(other)

    return json.dumps(value, indent=2, ensure_ascii=False, default=say)[:SHOWN_LETTERS]
