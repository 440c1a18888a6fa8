"""Drafts over REST, the same for every kind: read, written with their revisions, refused with where a mistake is."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from personalization.access import operator_of, say_caller
from personalization.errors import CallRefused, FieldError, refuse_fields
from personalization.rest.definition_forms import NOTE, Drafted
from personalization.rest.etags import read_match, require_match, tag_version
from personalization.rest.fields import Body, read_body, read_object
from rules.applying import apply_definition
from rules.describe import KINDS, AnyDraft, describe_draft
from rules.drafts import remove_draft, restore_revision, save_draft
from rules.models import Revision
from rules.validating import BadDraft
from segments.conditions.language import BadCondition, Problem
from segments.conditions.parse import parse_condition
from segments.in_words import say_stored
from segments.membership import SegmentCycle, compile_segments

SLUG = re.compile(r"[-a-zA-Z0-9_]{1,64}")
CONDITION = "condition"
MAX_NUMBER = 2**31

Describe = Callable[[Sequence[Any]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Kind:
    """One kind of definition: its name in a Book, its forms, and what a list of it reads at once. `reserved` are slugs
    whose addresses are taken by something else."""

    name: str
    plural: str
    tag: str
    body: type[Body]
    form: type[Drafted]
    related: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    describe_more: Describe | None = None
    reserved: tuple[str, ...] = ()

    @property
    def model(self) -> type[AnyDraft]:
        return KINDS[self.name]


def find_draft(kind: Kind, slug: str) -> Any:
    """The draft of that slug; raises CallRefused when there is none."""
    draft = kind.model._default_manager.select_related(*kind.related).filter(slug=slug).first()
    if draft is None:
        raise CallRefused("not_found", f"there is no {kind.name} {slug}")
    return draft


def describe(kind: Kind, drafts: Sequence[Any]) -> list[dict[str, Any]]:
    """Drafts as they are answered."""
    told = [describe_one(draft) for draft in drafts]
    more = kind.describe_more(drafts) if kind.describe_more is not None else [{} for _ in drafts]
    return [{**said, **besides} for said, besides in zip(told, more, strict=True)]


def describe_one(draft: Any) -> dict[str, Any]:
    said = {"slug": draft.slug, "version": draft.version, "updated": draft.updated, **describe_draft(draft)}
    return said if said.get(CONDITION) is None else {**said, "words": say_stored(said[CONDITION])}


def create(kind: Kind, request: Request) -> Any:
    """A new draft from the body, which names its slug."""
    said = dict(read_object(request.data))
    slug = said.pop("slug", None)
    if not isinstance(slug, str) or not SLUG.fullmatch(slug):
        raise refuse_fields([FieldError("/slug", "invalid", "1 to 64 letters, digits, hyphens and underscores")])
    if slug in kind.reserved:
        raise refuse_fields([FieldError("/slug", "reserved", f"{slug} is an address of its own; choose another one")])
    definition = read_body(kind.body, said)
    if kind.model._default_manager.filter(slug=slug).exists():
        raise CallRefused("exists_already", f"there is a {kind.name} {slug} already; PUT changes it")
    return _save(kind, slug, definition, request, expected=0)


def replace(kind: Kind, slug: str, request: Request) -> Any:
    """The draft as the body says it, whole."""
    definition = read_body(kind.body, request.data)
    return _save(kind, slug, definition, request, expected=_require_version(kind, slug, request))


def change(kind: Kind, slug: str, request: Request) -> Any:
    """The draft with the fields of the body, and the others as they are."""
    expected = _require_version(kind, slug, request)
    now = describe_draft(find_draft(kind, slug))
    said = read_object(request.data)
    own = {name: value for name, value in now.items() if name in kind.body().fields}
    return _save(kind, slug, read_body(kind.body, {**own, **said}), request, expected=expected)


def remove(kind: Kind, slug: str, request: Request) -> None:
    expected = _require_version(kind, slug, request)
    remove_draft(
        find_draft(kind, slug), by=operator_of(request), at=timezone.now(), note=read_note(request), expected=expected
    )


@transaction.atomic
def restore(kind: Kind, revision: Revision, request: Request) -> Any:
    """The draft says again what it said then."""
    try:
        restore_revision(revision, by=operator_of(request), at=timezone.now())
    except BadDraft as error:
        raise refuse_fields(list_mistakes(kind, revision.slug, revision.definition or {}, error)) from error
    return find_draft(kind, revision.slug)


def _save(kind: Kind, slug: str, definition: Mapping[str, Any], request: Request, *, expected: int | None) -> Any:
    try:
        draft = apply_definition(kind.name, slug, definition)
        save_draft(draft, by=operator_of(request), at=timezone.now(), note=read_note(request), expected=expected)
    except BadDraft as error:
        raise refuse_fields(list_mistakes(kind, slug, definition, error)) from error
    return find_draft(kind, slug)


def _require_version(kind: Kind, slug: str, request: Request) -> int | None:
    """The version that the caller has seen; None for whoever wants to write over any."""
    version = kind.model._default_manager.filter(slug=slug).values_list("version", flat=True).first()
    if version is None:
        raise CallRefused("not_found", f"there is no {kind.name} {slug}")
    require_match(request, tag_version(version))
    return None if read_match(request) == "*" else version


def read_note(request: Request) -> str:
    """What stays beside the revision: what the caller says, else whose key it was."""
    said = request.query_params.get("note", "").strip()
    if len(said) > NOTE or "\0" in said:
        raise CallRefused("bad_parameter", f"a note has at most {NOTE} characters")
    return said or say_caller(request)


def list_mistakes(kind: Kind, slug: str, said: Mapping[str, Any], error: BadDraft) -> list[FieldError]:
    """What speaks against a draft, with its place; of a condition, with the node."""
    found: list[FieldError] = []
    nodes = list(_list_node_problems(kind, slug, said.get(CONDITION)))
    for name, message in error.problems:
        if name == CONDITION and nodes:
            continue
        found.append(FieldError(f"/{name}" if name else "", "invalid", message))
    if nodes and any(name == CONDITION for name, _ in error.problems):
        found += [_describe_node_problem(said[CONDITION], each) for each in nodes]
    return found


def _describe_node_problem(tree: Any, problem: Problem) -> FieldError:
    pointer = point_to(tree, problem.node)
    node = None if pointer == f"/{CONDITION}" else problem.node
    return FieldError(pointer, "bad_condition", problem.message, node)


def _list_node_problems(kind: Kind, slug: str, tree: Any) -> Iterator[Problem]:
    if tree is None:
        return
    try:
        parse_condition(tree)
        if kind.name == "segment":
            compile_segments({slug: tree})
    except BadCondition as error:
        yield from error.problems
    except SegmentCycle:
        return


def point_to(tree: Any, node: str) -> str:
    """The JSON Pointer of a node by its id, or by its place when it has none; else that of the condition."""
    pointer = _find_node(tree.get("root"), node, f"/{CONDITION}/root") if isinstance(tree, Mapping) else None
    if pointer is not None:
        return pointer
    if (child := re.fullmatch(r"child (\d+) of (.+)", node, re.DOTALL)) is not None:
        return f"{point_to(tree, child[2])}/children/{int(child[1]) - 1}"
    return f"/{CONDITION}/root" if node == "root" else f"/{CONDITION}"


def _find_node(node: Any, id: str, pointer: str) -> str | None:
    if not isinstance(node, Mapping):
        return None
    if node.get("id") == id:
        return pointer
    children = node.get("children")
    for place, child in enumerate(children if isinstance(children, list) else ()):
        if (found := _find_node(child, id, f"{pointer}/children/{place}")) is not None:
            return found
    return None


def read_version(said: str, name: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise CallRefused("bad_parameter", f"{name} is the number of a version")
    return int(said)


def find_revision(kind: Kind, slug: str, version: int) -> Revision:
    """Raises CallRefused when there is none."""
    found = Revision.objects.filter(kind=kind.name, slug=slug, version=version).select_related("by").first()
    if found is None:
        raise CallRefused("not_found", f"the {kind.name} {slug} has no version {version}")
    return found


def describe_revision(revision: Revision, *, whole: bool = False) -> dict[str, Any]:
    said = {
        "version": revision.version,
        "at": revision.at,
        "by": None if revision.by is None else revision.by.get_username(),
        "note": revision.note,
    }
    return {**said, "definition": revision.definition} if whole else said


def form_of(kind: Kind) -> type[serializers.Serializer[Any]]:
    """The body of a new definition: that of the kind, with its slug."""
    return type(f"New{kind.form.__name__}", (kind.body,), {"slug": serializers.SlugField(max_length=64)})
