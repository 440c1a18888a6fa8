"""What the editor offers while somebody types: events, properties, traits, audiences, and the values they have."""

from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext

from ingestion.ecommerce import INDEXED
from ingestion.models import EventProperty, EventType
from ingestion.queries import list_indexed
from profiles.samples import Offered, Seen, list_property_values, list_seen, list_trait_values
from profiles.writing import write_number
from segments.conditions.language import LOOKALIKE
from segments.models import Segment
from studio.private import find_hidden, is_hidden

MOST = 500
VALUES = 50
SHARED_BY = 5  # people; a value that fewer have may say who somebody is
KEPT_S = 60
TYPES = {"string": "text", "number": "number", "boolean": "flag"}
EVENTS_AT_ONCE = 60


def list_facts() -> dict[str, Any]:
    seen, segments = _list_seen(), Segment.objects.order_by("name").values_list("slug", "name")
    return {
        "events": _list_events(),
        "traits": [{"value": name, "type": TYPES.get(type_)} for name, type_ in seen.traits],
        "segments": [{"value": slug, "label": name} for slug, name in segments],
        "clusters": [{"value": name} for name in seen.clusters],
        "scores": [{"value": name} for name in seen.scores if not name.startswith(LOOKALIKE)],
        "lookalikes": _list_lookalikes(seen),
    }


def _list_seen() -> Seen:
    found: Seen | None = cache.get("condition:seen")
    if found is None:
        found = list_seen()
        cache.set("condition:seen", found, timeout=KEPT_S)
    return found


def _list_events() -> list[dict[str, str]]:
    """Those that were seen, the most frequent first, then those that everybody has a name for."""
    seen = list(EventType.objects.order_by("-volume", "name").values_list("name", "volume")[:MOST])
    names = {name for name, _ in seen}
    strange = [name for name in INDEXED if name not in names]
    return [
        *(
            {"value": name, "hint": write_number(volume) if volume else gettext("not seen yet")}
            for name, volume in seen
        ),
        *({"value": name, "hint": gettext("not seen yet")} for name in strange),
    ]


def _list_lookalikes(seen: Seen) -> list[dict[str, str]]:
    known = dict(Segment.objects.filter(kind=Segment.Kind.LOOKALIKE).values_list("slug", "name"))
    slugs = [*known, *(name.removeprefix(LOOKALIKE) for name in seen.scores if name.startswith(LOOKALIKE))]
    return [{"value": slug, "label": known.get(slug, slug)} for slug in dict.fromkeys(slugs)]


def list_properties(events: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Of each event: the properties that are remembered first, then what it would take to ask for the others."""
    wanted = list(dict.fromkeys(events))[:EVENTS_AT_ONCE]
    rows = EventProperty.objects.filter(event_type__name__in=wanted).order_by("path")
    seen: dict[str, dict[str, list[str]]] = {name: {} for name in wanted}
    for name, path, types in rows.values_list("event_type__name", "path", "types"):
        seen[name][path] = types
    return {name: _order(name, seen[name]) for name in wanted}


def _order(event: str, seen: dict[str, list[str]]) -> list[dict[str, Any]]:
    indexed = list_indexed(event)
    found = [{"value": path, "type": _type_of(seen.get(path, []))} for path in indexed]
    if not any(each["value"] == "value" for each in found):
        found.append({"value": "value", "type": "number", "hint": gettext("what it was worth")})
    known = {each["value"] for each in found}
    others = [path for path, types in seen.items() if path not in known and set(types) & set(TYPES)]
    return [
        *found,
        *({"value": path, "type": _type_of(seen[path]), "hint": gettext("not indexed")} for path in others),
    ]


def _type_of(types: list[str]) -> str | None:
    """None where it differs from event to event."""
    return TYPES.get(types[0]) if len(types) == 1 else None


def list_values(*, event: str, path: str, trait: str, personal: bool) -> list[dict[str, Any]]:
    """The values people mostly have there; for those who may not see personal data, what several people share, and
    nothing of a private property."""
    found: list[Offered] = []
    if trait:
        found = list_trait_values(trait, limit=10 * VALUES)
    elif event and path and not is_hidden(path, find_hidden(sees=personal).get(event, ())):
        found = list_property_values(event, path, limit=10 * VALUES)
    told = [each for each in found if personal or each.people >= SHARED_BY][:VALUES]
    return [{"value": each.value, "hint": write_number(each.times)} for each in told]
