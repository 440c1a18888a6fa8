"""The operators' page of dead letters. It puts records back into the running logs, so it stands beside the wiring."""

from typing import Any

import msgspec
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from ingestion.accepted import unpack as unpack_accepted
from ingestion.log import LogUnavailable
from ingestion.models import DeadLetter
from personalization.wiring import replay
from profiles.admin import LookAdmin
from profiles.event import unpack

SHOWN_BYTES = 2_000
REPLAY = "ingestion.change_deadletter"


@admin.register(DeadLetter)
class DeadLetterAdmin(LookAdmin):
    list_display = ("title", "at", "reason", "tries", "replayed")
    list_filter = ("log", ("replayed", admin.EmptyFieldListFilter))
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
        messages.success(request, f"{count} put back. One that fails again comes back as a letter of its own.")


def show_record(letter: DeadLetter) -> str:
    """What the record says, or its bytes where nothing can be read from it."""
    raw = bytes(letter.raw)
    read: Any = unpack_accepted if letter.log == DeadLetter.Log.ACCEPTED else unpack
    try:
        said = msgspec.to_builtins(read(raw))
        text = msgspec.json.format(msgspec.json.encode(said), indent=2).decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        text = repr(raw[:SHOWN_BYTES])
    return text[: 10 * SHOWN_BYTES]
