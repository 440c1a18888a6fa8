"""The figures beside a condition: how many match, of each row and in all, who they are, who would come and go."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from personalization.preview import Previewer
from profiles.models import StoredProfile
from profiles.writing import write_number
from segments.charts import draw_chart
from segments.conditions.explain import Explained
from segments.conditions.language import Did, Group, InContext, InSegment, Node, Problem, list_leaves, walk
from segments.conditions.words import say_condition
from segments.evaluation import ran_out_of_time
from segments.models import Segment
from segments.queries import read_roster
from segments.sizes import DAY, list_sizes
from studio.conditions.asking import Asked
from studio.conditions.partial import Partial, bound_by_visit, find_by_visit, read_partial
from studio.conditions.phrases import list_phrases
from studio.conditions.reasons import Reader, read_as, say_found
from studio.few import FEW, asks_exactly, blur, blur_nodes, find_few, is_few, say_people

EXACT_MS, SAMPLE_MS, WHO_MS = 700, 3_000, 2_000
SHOWN = timedelta(days=30)


def read_asked(asked: Asked) -> Partial:
    """What can be asked; an audience asks nothing of a visit."""
    if asked.tree is None:
        return Partial(None)
    partial = read_partial(asked.tree)
    if asked.about == "rule" or partial.root is None:
        return partial
    visits = [leaf.id for leaf in list_leaves(partial.root) if isinstance(leaf, InContext)]
    if not visits:
        return partial
    message = gettext("An audience is about people, not about one visit: ask this in a rule.")
    root = _without(partial.root, frozenset(visits))
    return Partial(root, (*partial.problems, *(Problem(id, message) for id in visits)))


def _without(node: Node, ids: frozenset[str]) -> Node | None:
    if node.id in ids or not isinstance(node, Group):
        return None if node.id in ids else node
    kept = tuple(child for child in (_without(child, ids) for child in node.children) if child is not None)
    return replace(node, children=kept) if kept else None


def count_people(asked: Asked) -> dict[str, Any]:
    """Everything but what was found of one person: for all who may look at conditions."""
    partial = read_asked(asked)
    root = partial.root
    answer: dict[str, Any] = {
        "problems": [{"node": each.node, "message": each.message} for each in partial.problems],
        "left_out": bool(partial.problems),
        "counted": True,
    }
    if root is None:
        if asked.about == "rule" and asked.tree is None:
            people = StoredProfile.objects.count()
            return {**answer, "total": people, "people": people, "margin": 0}
        return {**answer, "total": None}
    visits = find_by_visit(root)
    previewer = Previewer(root, at=asked.at, slug=asked.slug)
    answer |= {
        "words": list_phrases(root),
        "visits": sorted(visits),
        "warnings": [*map(_undeclared, previewer.warn()), *_warn_of_segments(root)],
    }
    try:
        counts = previewer.count(patience_ms=EXACT_MS, sample_ms=SAMPLE_MS)
        total, margin = counts.total, counts.margin
        if visits:
            total, margin = _count_at_most(root, asked, counts.people)
    except OperationalError as error:
        if not ran_out_of_time(error):
            raise
        return {**answer, "total": None, "counted": False}
    nodes = {id: [number, counts.margins[id]] for id, number in counts.nodes.items() if id not in visits}
    return {**answer, "total": total, "people": counts.people, "margin": margin, "nodes": nodes}


def _count_at_most(root: Node, asked: Asked, people: int) -> tuple[int, int]:
    """How many match in the visit that suits them best."""
    bound = bound_by_visit(root)
    if isinstance(bound, bool):
        return (people if bound else 0), 0
    counts = Previewer(bound, at=asked.at, slug=asked.slug).count(patience_ms=EXACT_MS, sample_ms=SAMPLE_MS)
    return counts.total, counts.margin


def _undeclared(problem: Problem) -> dict[str, str]:
    told = {"node": problem.node, "message": problem.message}
    return {**told, "url": reverse("studio:catalogue")} if "catalogue" in problem.message else told


def _warn_of_segments(root: Node) -> list[dict[str, str]]:
    asked = {leaf.id: leaf.segment for leaf in list_leaves(root) if isinstance(leaf, InSegment)}
    if not asked:
        return []
    known = dict(Segment.objects.filter(slug__in=asked.values()).values_list("slug", "name"))
    answers = read_roster().answers
    found = []
    for id, slug in asked.items():
        if slug not in known and slug not in answers:
            message = gettext("There is no audience “%(slug)s”.") % {"slug": slug}
        elif slug not in answers:
            message = gettext("“%(name)s” is not in force yet: nobody is in it until it is published.") % {
                "name": known[slug]
            }
        else:
            continue
        found.append({"node": id, "message": message})
    return found


def withhold_few(asked: Asked, answer: dict[str, Any]) -> dict[str, Any]:
    """The same as it is told to those who may not see personal data."""
    root = read_asked(asked).root
    if root is None or answer["total"] is None:
        return answer
    figures = {id: (people, margin) for id, (people, margin) in answer["nodes"].items()}
    holds_few = bool(find_few(root, figures))
    total, margin = blur(answer["total"], answer["margin"], holds_few=holds_few)
    told = {**answer, "total": total, "margin": margin, "nodes": blur_nodes(root, figures)}
    if isinstance(total, str):
        told["share"] = gettext("of %(people)s people") % {"people": write_number(answer["people"])}
    return told


def find_withheld(asked: Asked, answer: dict[str, Any]) -> frozenset[str]:
    """The rows whose answer for one person would tell a value of theirs, as few match or how many do is not known."""
    root = read_asked(asked).root
    figures = answer.get("nodes", {})
    return frozenset(
        leaf.id
        for leaf in ([] if root is None else list_leaves(root))
        if asks_exactly(leaf) and (leaf.id not in figures or is_few(*figures[leaf.id]))
    )


def explain_person(asked: Asked, person: UUID, *, personal: bool, withheld: frozenset[str]) -> dict[str, Any]:
    """Why one person matches or not: row by row, and as marks at the rows."""
    root = read_asked(asked).root
    if root is None:
        return {}
    reader = read_as(personal=personal, withheld=withheld)
    try:
        traced = Previewer(root, at=asked.at).trace(person)
    except StoredProfile.DoesNotExist:
        return {"unknown": True}
    visits = find_by_visit(root)
    marks = {
        node.id: {"matched": told.matched, "found": "" if isinstance(node, Group) else say_found(node, told, reader)[0]}
        for _, node, told in traced
        if node.id not in visits and not any(each.id in withheld for each in walk(node))
    }
    reasons = _list_reasons(root, {told.id: told for _, _, told in traced}, visits, reader)
    matched: bool | None = traced[0][2].matched
    if root.id in visits:
        ends = {_holds(bound_by_visit(root, best=best), asked, person) for best in (True, False)}
        matched = ends.pop() if len(ends) == 1 else None
    if withheld:
        said = gettext(
            "Whether this person matches is not told: a row matches so few people that it would say who they are."
        )
        return {"reasons": reasons, "marks": marks, "matched": None, "withheld": said}
    return {"reasons": reasons, "marks": marks, "matched": matched}


def _holds(bound: Node | bool, asked: Asked, person: UUID) -> bool:
    return bound if isinstance(bound, bool) else Previewer(bound, at=asked.at).trace(person)[0][2].matched


def _list_reasons(
    node: Node,
    told: Mapping[str, Explained],
    visits: frozenset[str],
    reader: Reader,
    depth: int = 0,
    turned: bool = False,
    needed: bool = True,
) -> list[dict[str, Any]]:
    """Every row: whether it speaks for the person (below a `not`, when it is not true), None where it makes no
    difference, depends on the visit, or is withheld."""
    if isinstance(node, Group):
        turns = turned is not (node.kind == "not")
        # One of several is enough: of an `or`, and of an `and` that must not be true.
        is_enough = turns is not (node.kind == "or") and told[node.id].matched is not turned
        is_enough = is_enough and not reader.withheld  # it would tell how the withheld row was answered
        found = []
        for child in node.children:
            is_idle = is_enough and node.kind != "not" and told[child.id].matched is turns
            below = depth + (len(node.children) > 1)
            found += _list_reasons(child, told, visits, reader, below, turns, needed and not is_idle)
        return found
    said, needs = say_found(node, told[node.id], reader)
    matched = None if node.id in visits | reader.withheld or not needed else told[node.id].matched is not turned
    if not needed:
        needs = gettext("(not needed)")
    elif matched is None or (matched and (turned or not isinstance(node, Did))):
        needs = ""
    elif turned:
        needs = gettext("(must not: %(row)s)") % {"row": say_condition(node)}
    return [{"depth": depth, "matched": matched, "said": said, "needs": needs}]


def find_who(asked: Asked) -> dict[str, Any]:
    """Who matches (ids alone: they are named for each member anew), who would come and go, how large it was."""
    root = read_asked(asked).root
    if root is None and asked.about == "rule":  # for everybody
        return {"people": _list_newest(), "changes": None, "size": None}
    if root is None:
        return {"people": [], "changes": None, "size": _draw_size(asked)}
    bound = bound_by_visit(root)
    people, changes = [], None
    try:
        if not isinstance(bound, bool):
            people = [str(id) for id in Previewer(bound, at=asked.at).list_people(timeout_ms=WHO_MS)]
        elif bound:
            people = _list_newest()
        if asked.slug and asked.about == "segment":
            changes = Previewer(root, at=asked.at, slug=asked.slug).compare(timeout_ms=WHO_MS)
    except OperationalError as error:
        if not ran_out_of_time(error):
            raise
    return {"people": people, "changes": changes and changes._asdict(), "size": _draw_size(asked)}


def withhold_who(answer: dict[str, Any]) -> dict[str, Any]:
    """The same as it is told to those who may not see personal data: of very few nobody is named."""
    changes = answer["changes"]
    return {
        **answer,
        "people": [] if len(answer["people"]) < FEW else answer["people"],
        "nobody": gettext("Too few match to name some of them."),
        "changes": changes and {name: say_people(number) for name, number in changes.items()},
    }


def _list_newest() -> list[str]:
    return [str(id) for id in StoredProfile.objects.order_by("-last_seen").values_list("id", flat=True)[:10]]


def _draw_size(asked: Asked) -> dict[str, Any] | None:
    """The line of a segment's size, if it is in force and was counted."""
    if not asked.slug or asked.about != "segment":
        return None
    now = timezone.now()
    sizes = list_sizes([asked.slug], since=now - SHOWN)[asked.slug]
    if len(sizes) < 2:  # a single point is no line
        return None
    chart = draw_chart(sizes, since=min(now - DAY, sizes[0].hour), until=now, width=240, height=48)
    if chart is None:
        return None
    said = gettext("Size over the last 30 days: from %(first)s to %(last)s people") % {
        "first": write_number(chart.first.people),
        "last": write_number(chart.last.people),
    }
    return {"width": chart.width, "height": chart.height, "line": chart.line, "area": chart.area, "said": said}
