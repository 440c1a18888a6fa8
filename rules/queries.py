"""Reads of what marketers define."""

from typing import Any

from django.conf import settings

from rules.engine import BookPayload
from rules.models import Block, Book, Rule, Slot
from rules.review import Change, find_empty_segments, find_snapshots_of_models, list_changes
from segments.health import Published
from segments.models import Segment
from segments.queries import describe_segment, find_empty_lists
from segments.roster import LIST


def newest_book() -> tuple[int, Any] | None:
    """Number and payload of the Book in force, None before the first."""
    newest = Book.objects.order_by("-number").values_list("number", "payload").first()
    return None if newest is None else (newest[0], newest[1])


def collect_definitions(number: int) -> dict[str, Any]:
    """The payload of a Book with everything that is live now (see rules.engine.BookPayload)."""
    rules = Rule.objects.filter(live=True).select_related("slot", "block").order_by("slot__slug", "-priority", "slug")
    slots = Slot.objects.select_related("default").order_by("slug")
    used = {rule.block_id for rule in rules} | {slot.default_id for slot in slots if slot.default_id is not None}
    return {
        "v": 1,
        "number": number,
        "zone": settings.PZ_TIME_ZONE,
        "segments": [describe_segment(segment) for segment in Segment.objects.filter(live=True).order_by("slug")],
        "slots": {slot.slug: {"default": slot.default.slug if slot.default else None} for slot in slots},
        "blocks": {
            block.slug: {"kind": block.kind, "source": block.source, "name": block.name}
            for block in Block.objects.filter(pk__in=used).order_by("slug")
        },
        "rules": [
            {
                "slug": rule.slug,
                "name": rule.name,
                "slot": rule.slot.slug,
                "priority": rule.priority,
                "block": rule.block.slug,
                "condition": rule.condition,
            }
            for rule in rules
        ],
    }


def find_published() -> Published:
    """The segments of the Book in force."""
    newest = newest_book()
    return Published() if newest is None else Published(newest[1]["segments"], newest[1].get("zone", "UTC"))


def list_draft_changes() -> tuple[int | None, list[Change]]:
    """The number of the Book in force, None before the first, and how what is live now differs from it."""
    newest = newest_book()
    number, payload = newest or (None, None)
    return number, list_changes(payload, collect_definitions(0))


def list_warnings(payload: BookPayload) -> list[str]:
    """What does not speak against publishing, and should be known before."""
    lists = [segment.slug for segment in payload.segments if segment.kind == LIST]
    empty = [f"The list {slug} has nobody: upload a file with their ids" for slug in sorted(find_empty_lists(lists))]
    return [*find_empty_segments(payload), *empty, *find_snapshots_of_models(payload)]
