"""What is to be known of the rules that are drafted: found once for as long as nothing is edited."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from django.core.cache import cache
from django.db.models import Count, Max, Sum
from django.utils import timezone
from django.utils.translation import get_language

from rules.conflicts import Effect, Finding, find_findings
from rules.definitions import BookPayload
from rules.describe import describe_rule
from rules.models import Offer, Rule, Slot
from rules.queries import collect_definitions
from rules.stock import find_exhausted
from segments.models import Segment, Upload
from segments.queries import find_empty_lists
from segments.roster import LIST

KEPT_S = 60  # time goes on, and codes go out, without an edit


def list_findings() -> dict[str, list[Finding]]:
    """Of each live rule that there is something to be known of: what."""
    key = f"rules:findings:{get_language()}:{_name_state()}"
    kept = cache.get(key)
    if kept is None:
        payload = msgspec.convert(collect_definitions(0), BookPayload)
        found, _ = find_findings(payload, at=timezone.now(), **_read_facts(payload))
        kept = [asdict(each) for each in found]
        cache.set(key, kept, KEPT_S)
    findings = [Finding(Effect(each["effect"]), tuple(each["rules"]), each["words"]) for each in kept]
    told: dict[str, list[Finding]] = {}
    for each in findings:
        for slug in each.rules if each.effect is Effect.LEVEL else each.rules[:1]:
            told.setdefault(slug, []).append(each)
    return told


def find_findings_of(rule: Rule) -> list[Finding]:
    """What is to be known of a rule as it is drafted, saved or not, once it is live: also which others it hides."""
    said = collect_definitions(0)
    others = [each for each in said["rules"] if each["slot"] == rule.slot.slug and each["slug"] != rule.slug]
    offers = said["offers"]
    if rule.offer is not None and rule.offer.slug not in offers:
        offer = rule.offer
        offers[offer.slug] = {"name": offer.name, "kind": offer.kind, "points": offer.points, "every": offer.every}
    asked = {**said, "rules": [*others, describe_rule(rule)], "blocks": {}}
    payload = msgspec.convert(asked, BookPayload)
    found, _ = find_findings(payload, at=timezone.now(), about=rule.slug, **_read_facts(payload))
    return found


def _read_facts(payload: BookPayload) -> Mapping[str, Any]:
    lists = find_empty_lists([segment.slug for segment in payload.segments if segment.kind == LIST])
    offered: set[str] = {rule.offer for rule in payload.rules if rule.offer is not None}
    return {"empty_lists": lists, "exhausted": find_exhausted(offered & payload.offers.keys())}


def _name_state() -> str:
    """Differs whenever something was edited that a finding may depend on."""
    numbers = [
        tuple(model._default_manager.aggregate(n=Count("pk"), v=Sum("version"), at=Max("updated")).values())
        for model in (Rule, Slot, Segment, Offer)
    ]
    uploads = Upload.objects.aggregate(newest=Max("pk"))["newest"]
    return "-".join(str(part).replace(" ", "") for part in (*(one for each in numbers for one in each), uploads))
