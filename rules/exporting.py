"""Definitions as one file that people review: sorted, texts line by line, without what goes without saying."""

import json
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from rules.describe import FIELDS, KINDS, AnyDraft, describe_draft
from rules.file_schema import PLURALS, VERSION
from segments.forms import arrange

TEXTS = ("description", "subject")
CAP = ("most", "per", "of")  # at most 3 per day of a person
LINES = ("source", "text")  # are lists of lines in any case, so that a second line changes no other
UNSAID: Mapping[str, Any] = {  # what a definition says where it says nothing
    "kinds": [],
    "default": None,
    "weight": None,
    "offer": None,
    "points": 0,
    "subject": "",
    "text": "",
    "shape": None,
    "fallback": None,
    "condition": None,
    "as_of": None,
    "starts": None,
    "ends": None,
    "zone": "",
    "caps": [],
    "purpose": "",
    "live": True,
}
RELATED = {"block": ("fallback",), "slot": ("default",), "rule": ("slot", "block", "offer")}

Document = dict[str, Any]


def export_drafts() -> Document:
    """Every draft, whether it is live or not."""
    return {"v": VERSION, **{PLURALS[kind]: _export_kind(kind) for kind in PLURALS}}


def _export_kind(kind: str) -> Document:
    drafts = sorted(list_drafts(kind), key=lambda draft: draft.slug)  # by letters: a database may sort by its language
    return {draft.slug: _export(kind, describe_draft(draft)) for draft in drafts}


def list_drafts(kind: str) -> list[AnyDraft]:
    """Every draft of a kind, with what it names."""
    drafts: QuerySet[Any] = KINDS[kind]._default_manager.all()
    related = RELATED.get(kind)
    return list(drafts.select_related(*related) if related else drafts)


def export_book(payload: Mapping[str, Any]) -> Document:
    """What a Book says, of which descriptions are no part."""
    found: Document = {"v": VERSION}
    for kind, plural in PLURALS.items():
        said = payload.get(plural, {})
        named = said if isinstance(said, Mapping) else {each["slug"]: each for each in said}
        found[plural] = {slug: _export(kind, named[slug]) for slug in sorted(named)}
    return found


def write_file(document: Document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _export(kind: str, said: Mapping[str, Any]) -> Document:
    found = {field: said[field] for field in FIELDS if field in said and not _is_unsaid(kind, field, said[field])}
    return {field: _write(field, value) for field, value in found.items()}


def _is_unsaid(kind: str, field: str, value: Any) -> bool:
    if (kind, field) == ("segment", "kind"):
        return bool(value == "condition")
    return field in UNSAID and UNSAID[field] == value and type(UNSAID[field]) is type(value)


def _write(field: str, value: Any) -> Any:
    if field in LINES or (field in TEXTS and "\n" in value):
        return value.split("\n")
    if field == "caps":
        return [{part: cap[part] for part in CAP if part in cap} for cap in value]
    return arrange(value) if field in ("condition", "shape") else value
