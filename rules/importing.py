"""Definitions out of a file: all of it is stored, or nothing of it and every problem is said with its place."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from jsonschema import Draft202012Validator

from profiles.locks import PUBLISH_BOOK, take_turns
from rules.applying import apply_definition
from rules.comparing import compare_definitions
from rules.definitions import BookPayload
from rules.describe import KINDS, describe_draft
from rules.drafts import InUse, remove_draft, save_draft
from rules.exporting import list_drafts
from rules.file_schema import ANY_CONDITION, PLURALS, make_form
from rules.models import Revision
from rules.queries import collect_definitions
from rules.review import Change, find_problems
from rules.validating import BadDraft
from segments.forms import BadJson, read_json

MAX_FILE = 16_000_000  # bytes
MAX_SHOWN = 200  # characters of what is wrong
SINGULARS = {plural: kind for kind, plural in PLURALS.items()}
NAMING = {"slot": "slot", "block": "block", "offer": "offer", "default": "block", "fallback": "block"}

_FORM = Draft202012Validator(make_form(ANY_CONDITION))
_SAID = re.compile(rf"({'|'.join(PLURALS)}) (\S+): (.*)", re.IGNORECASE | re.DOTALL)


class Problem(NamedTuple):
    """What is wrong, and where in the file: a JSON pointer, "" for the whole."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the file'}: {self.message}"


@dataclass
class Report:
    """What an import did or, where it is not `stored`, would have done."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    stored: bool = False


class BadFile(ValueError):
    """The file cannot be read at all."""


def read_file(content: bytes) -> Any:
    """The document of a file; raises BadFile."""
    if len(content) > MAX_FILE:
        raise BadFile(f"the file has more than {MAX_FILE:,} bytes, which are the most")
    try:
        return read_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadFile(f"the file is not in UTF-8: byte {error.start:,} is none of it") from error
    except BadJson as error:
        raise BadFile(str(error)) from error


def import_definitions(
    document: Any,
    *,
    by: User | None,
    at: datetime,
    note: str = "",
    partial: bool = False,
    prune: bool = False,
    dry_run: bool = False,
) -> Report:
    """Makes the drafts say what the document does. With anything wrong nothing is stored, with `partial` what is right.

    `prune` removes what the document leaves out of the kinds that it has. Nothing is published by it."""
    report = Report()
    bad = _check_form(document, report)
    if bad is None:
        return report
    with transaction.atomic():
        take_turns(PUBLISH_BOOK)  # nobody publishes a half of it
        before = set(_list_reasons())
        for kind, slug, definition in _list_definitions(document):
            if (kind, slug) not in bad and not _store(kind, slug, definition, bad, report, by=by, at=at, note=note):
                bad.add((kind, slug))
        if prune:
            _prune(document, report, by=by, at=at, note=note)
        report.problems += [_place(reason) for reason in _list_reasons() if reason not in before]
        report.stored = not dry_run and (partial or not report.problems)
        if not report.stored:
            transaction.set_rollback(True)
    return report


def _check_form(document: Any, report: Report) -> set[tuple[str, str]] | None:
    """Notes what is not in the form of such a file; returns the definitions it is about, None when none can be read."""
    bad = set()
    is_hopeless = False
    for error in _FORM.iter_errors(document):
        path = [str(part) for part in error.absolute_path]
        if error.validator in ("pattern", "maxLength") and len(path) == 1:
            path.append(str(error.instance))  # a slug
        if len(path) > 1:
            bad.add((SINGULARS[path[0]], path[1]))
        else:
            is_hopeless = True
        report.problems.append(Problem(_point(path), error.message[:MAX_SHOWN]))
    report.problems.sort()
    return None if is_hopeless else bad


def _list_definitions(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every definition, after those that it names, with its texts in one piece."""
    for kind in KINDS:
        named = document.get(PLURALS[kind], {})
        for slug in sorted(named, key=lambda slug: (isinstance(named[slug], dict) and "fallback" in named[slug], slug)):
            yield kind, slug, _join(named[slug])


def _join(definition: Any) -> Any:
    texts = ("description", "subject", "source", "text")
    if not isinstance(definition, dict):
        return definition  # of which it is said what is wrong
    return {
        name: "\n".join(map(str, value)) if name in texts and isinstance(value, list) else value
        for name, value in definition.items()
    }


def _store(
    kind: str, slug: str, definition: dict[str, Any], bad: set[tuple[str, str]], report: Report, **how: Any
) -> bool:
    """Stores one definition, or notes why it cannot be; returns whether it could."""
    for name, other in NAMING.items():
        if name in definition and (other, definition[name]) in bad:
            message = f"the {other} {definition[name]} cannot be taken in itself"
            report.problems.append(Problem(_point([PLURALS[kind], slug, name]), message))
            return False
    try:
        draft = apply_definition(kind, slug, definition)
        stored = KINDS[kind]._default_manager.filter(slug=slug).first()
        before = None if stored is None else describe_draft(stored)
        revision = save_draft(draft, **how)
    except BadDraft as error:
        for name, message in error.problems:
            path = [PLURALS[kind], slug, *([name] if name else [])]
            report.problems.append(Problem(_point(path), message))
        return False
    if revision is None:
        report.unchanged += 1
    else:
        report.changes.append(_say_change(revision, before))
    return True


def _say_change(revision: Revision, before: dict[str, Any] | None) -> Change:
    if before is None:
        return Change(revision.kind, revision.slug, "new")
    differences = compare_definitions(revision.kind, before, revision.definition)
    return Change(revision.kind, revision.slug, "changed", tuple(each.field for each in differences))


def _prune(document: Mapping[str, Any], report: Report, **how: Any) -> None:
    for kind in reversed(list(KINDS)):
        if PLURALS[kind] not in document:
            continue
        left_out = [draft for draft in list_drafts(kind) if draft.slug not in document[PLURALS[kind]]]
        # Recommendations go before the blocks in their place.
        for draft in sorted(left_out, key=lambda draft: (getattr(draft, "fallback_id", None) is None, draft.slug)):
            slug = draft.slug
            try:
                remove_draft(draft, **how)
            except InUse as error:
                message = f"it is not in the file, and cannot be removed: {error}"
                report.problems.append(Problem(_point([PLURALS[kind], slug]), message))
            else:
                report.changes.append(Change(kind, slug, "removed"))


def _list_reasons() -> list[str]:
    """Why what is live could not be published."""
    try:
        return find_problems(msgspec.convert(collect_definitions(0), BookPayload))
    except msgspec.ValidationError as error:
        return [str(error)]


def _place(reason: str) -> Problem:
    """A reason against publishing, at the definition it is about."""
    said = _SAID.fullmatch(reason)
    if said is None:
        return Problem("", reason)
    return Problem(_point([PLURALS[said[1].lower()], said[2]]), said[3])


def _point(path: Iterable[str]) -> str:
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)
