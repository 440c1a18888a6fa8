"""Values that the catalogue calls private, as those see them to whom personal data was not granted: not at all."""

from collections.abc import Collection, Mapping
from typing import Any

from ingestion.queries import find_private
from profiles.event import VALUE_PROPERTIES
from segments.conditions.language import Did, Node
from studio.masking import HIDDEN, mask_values

Private = Mapping[str, Collection[str]]  # the paths of each event
WORTH = "value"  # what conditions call what an event was worth


def find_hidden(*, sees: bool) -> Private:
    """What is private from a reader."""
    return {} if sees else find_private()


def list_hidden(private: Private) -> frozenset[str]:
    """The paths of all events together, for what does not say which event it is."""
    return frozenset(path for paths in private.values() for path in paths)


def is_hidden(path: str, paths: Collection[str]) -> bool:
    """Whether a path is private, or in something that is."""
    return path in paths or path.partition(".")[0] in paths


def mask_properties(properties: Mapping[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """Properties of an event with every text masked, and nothing of those that are private, numbers and flags too."""
    return {name: _hide(name, value, paths) for name, value in mask_values(properties).items()}


def _hide(name: str, value: Any, paths: Collection[str]) -> Any:
    """A path is a name, or with one dot a field of the object, or of the objects of the list, that has the name."""
    if name in paths:
        return HIDDEN
    if isinstance(value, list):
        return [_hide(name, each, paths) for each in value]
    if isinstance(value, Mapping):
        return {key: HIDDEN if f"{name}.{key}" in paths else inner for key, inner in value.items()}
    return value


def hide_in(said: Any, paths: Collection[str]) -> Any:
    """A record, masked already, without what is private in anything that it calls properties."""
    if isinstance(said, list):
        return [hide_in(each, paths) for each in said]
    if not isinstance(said, Mapping):
        return said
    return {
        key: mask_properties(inner, paths)
        if key == "properties" and isinstance(inner, Mapping)
        else hide_in(inner, paths)
        for key, inner in said.items()
    }


def hides_worth(paths: Collection[str]) -> bool:
    """Whether what an event was worth may be the value of a private property."""
    return any(name in paths for name in VALUE_PROPERTIES)


def hides_finding(node: Node, private: Private) -> bool:
    """Whether what was found at a row of a condition adds up values that are private."""
    if not isinstance(node, Did) or node.measure != "sum" or node.of is None:
        return False
    paths = private.get(node.event, ())
    return is_hidden(node.of, paths) or (node.of == WORTH and hides_worth(paths))
