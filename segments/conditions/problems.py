"""What is wrong with a tree: collected with its place, told in few words however much it is."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from segments.conditions.language import MAX_PROBLEMS, NUMBER_OPERATORS, VALUE_OPERATORS, Problem
from segments.conditions.operands import show


class Place(NamedTuple):
    """Where a problem is: at which node, or where that is when it has no id; and inside of what there."""

    node: str
    inside: str = ""

    def enter(self, part: str) -> "Place":
        return Place(self.node, f"{self.inside}, {part}" if self.inside else part)


CONDITION = Place("condition")


class Problems:
    """The problems found so far, and what is refused of any object: keys and words that nobody knows."""

    def __init__(self) -> None:
        self.found = 0  # told or not
        self._told: list[Problem] = []

    def refuse(self, at: Place, message: str) -> None:
        self.found += 1
        if len(self._told) < MAX_PROBLEMS:
            self._told.append(Problem(at.node, f"{at.inside}: {message}" if at.inside else message))

    def list_problems(self) -> list[Problem]:
        """The first ones, and how many there are besides: nobody mends thousands at once."""
        more = self.found - len(self._told)
        rest = [Problem(CONDITION.node, f"and {more} more, which are listed once these are mended")] if more else []
        return [*self._told, *rest]

    def keys(self, raw: Mapping[str, Any], at: Place, known: Sequence[str]) -> None:
        """Refuses keys that mean nothing: a mistyped "window" would silently ask for ever."""
        unknown = next((key for key in raw if key not in known), None)
        if unknown is not None:
            self.refuse(at, f"unknown key {show(unknown)}; use {', '.join(known)}")

    def choice(
        self,
        raw: Mapping[str, Any],
        key: str,
        called: str,
        known: Collection[str],
        at: Place,
        default: str | None = None,
    ) -> str | None:
        """One of the words that are known."""
        if key not in raw and default is None:
            self.refuse(at, f'"{key}" is missing; use one of {", ".join(known)}')
            return None
        word = raw.get(key, default)
        if not isinstance(word, str) or word not in known:
            is_elsewhere = called == "operator" and word in (*VALUE_OPERATORS, *NUMBER_OPERATORS)
            wrong = f"the operator {show(word)} is not for this" if is_elsewhere else f"unknown {called} {show(word)}"
            self.refuse(at, f"{wrong}; use one of {', '.join(known)}")
            return None
        return word
