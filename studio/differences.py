"""How two definitions differ, field by field in words, as templates/studio/parts/differences.html draws it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from rules.comparing import Difference, compare_definitions
from segments.node_changes import NodeChange, compare_conditions
from studio.kinds import name_field

WHAT = {"added": _("new"), "removed": _("gone"), "changed": _("changed"), "moved": _("moved")}

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """One field that differs, with the parts of a condition one by one."""

    label: str
    difference: Difference
    parts: tuple[tuple[str, str, NodeChange], ...] = ()

    @property
    def count(self) -> int:
        return len(self.parts) or 1


def tell_differences(kind: str, before: Definition | None, after: Definition | None) -> list[Told]:
    """Of two definitions of that kind; None is one that is not there."""
    return tell(kind, compare_definitions(kind, before, after), before, after)


def tell(
    kind: str, differences: Iterable[Difference], before: Definition | None, after: Definition | None
) -> list[Told]:
    """The same of differences that were found already."""
    old, new = before or {}, after or {}
    return [Told(name_field(kind, each.field), each, _list_parts(each.field, old, new)) for each in differences]


def _list_parts(field: str, old: Definition, new: Definition) -> tuple[tuple[str, str, NodeChange], ...]:
    if field != "condition" or not (old.get(field) and new.get(field)):
        return ()
    return tuple((each.what, str(WHAT[each.what]), each) for each in compare_conditions(old[field], new[field]))
