"""Reads of what marketers define."""

from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext

from profiles.organisation import find_zone, read_organisation
from rules.conflicts import find_conflicts
from rules.definitions import BookPayload
from rules.describe import describe_block, describe_offer, describe_rule, describe_slot
from rules.models import Block, Book, Offer, Rule, Slot
from rules.review import Change, find_empty_segments, find_snapshots_of_models, list_changes
from rules.review_purposes import find_unknown_purposes
from rules.stock import find_exhausted
from segments.health import Published
from segments.models import Segment
from segments.queries import describe_segment, find_empty_lists
from segments.roster import LIST

ORDER = ("slot__slug", "-priority", "slug")  # of rules


def newest_book() -> tuple[int, Any] | None:
    """Number and payload of the Book in force, None before the first."""
    newest = Book.objects.order_by("-number").values_list("number", "payload").first()
    return None if newest is None else (newest[0], newest[1])


def collect_definitions(number: int) -> dict[str, Any]:
    """The payload of a Book with everything that is live now (see rules.definitions.BookPayload)."""
    rules = list(Rule.objects.filter(live=True).select_related("slot", "block", "offer").order_by(*ORDER))
    slots = list(Slot.objects.select_related("default").order_by("slug"))
    offers = Offer.objects.filter(pk__in={rule.offer_id for rule in rules if rule.offer_id is not None})
    used = {rule.block_id for rule in rules} | {slot.default_id for slot in slots if slot.default_id is not None}
    return {
        "v": 1,
        "number": number,
        "zone": find_zone(),
        "segments": [describe_segment(segment) for segment in Segment.objects.filter(live=True).order_by("slug")],
        "slots": {slot.slug: describe_slot(slot) for slot in slots},
        "blocks": {block.slug: describe_block(block) for block in _with_fallbacks(used)},
        "offers": {offer.slug: describe_offer(offer) for offer in offers.order_by("slug")},
        "rules": [describe_rule(rule) for rule in rules],
    }


def _with_fallbacks(used: set[int]) -> list[Block]:
    """The blocks in use: those that are shown, the e-mails, and what takes the place of recommendations."""
    blocks = {block.pk: block for block in Block.objects.select_related("fallback").order_by("slug")}
    wanted = used | {block.pk for block in blocks.values() if block.kind == Block.Kind.EMAIL}
    wanted |= {fallback for pk in wanted if (fallback := blocks[pk].fallback_id) is not None}
    return [block for pk, block in blocks.items() if pk in wanted]


def find_published() -> Published:
    """The segments of the Book in force."""
    newest = newest_book()
    return Published() if newest is None else Published(newest[1]["segments"], newest[1].get("zone", "UTC"))


def list_draft_changes() -> tuple[int | None, list[Change]]:
    """The number of the Book in force, None before the first, and how what is live now differs from it."""
    newest = newest_book()
    number, payload = newest or (None, None)
    return number, list_changes(payload, collect_definitions(0))


class Asking(NamedTuple):
    """A rule that is shown only to those who have consented to `purpose`."""

    slug: str
    name: str
    purpose: str


def list_asking() -> list[Asking]:
    """The rules that ask for consent, live or in the Book in force; of one that is both, what either asks for."""
    live = Rule.objects.filter(live=True).exclude(purpose="").values_list("slug", "name", "purpose")
    newest = newest_book()
    published = [] if newest is None else newest[1].get("rules", ())
    found = {Asking(*each) for each in live}
    found |= {Asking(each["slug"], each["name"], each["purpose"]) for each in published if each.get("purpose")}
    return list({(each.slug, each.purpose): each for each in sorted(found)}.values())


def list_warnings(payload: BookPayload) -> list[str]:
    """What does not speak against publishing, and should be known before."""
    lists = find_empty_lists([segment.slug for segment in payload.segments if segment.kind == LIST])
    said = gettext("The list %(slug)s has nobody: upload a file with their ids")
    empty = [said % {"slug": slug} for slug in sorted(lists)]
    unknown = find_unknown_purposes(payload, read_organisation().purposes)
    conflicts = find_conflicts(
        payload, at=timezone.now(), empty_lists=lists, exhausted=find_exhausted(payload.offers.keys())
    )
    return [*find_empty_segments(payload), *empty, *find_snapshots_of_models(payload), *unknown, *conflicts]
