"""What resolvers are given of one call: who asks, its loaders, and the parts of the engine that answer."""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from graphql import FieldNode, FragmentSpreadNode, GraphQLResolveInfo, SelectionSetNode

from ingestion.append import Appender
from ingestion.directory import Directory
from ingestion.parse import Limits
from personalization.callers import Caller
from personalization.decide import Decider
from personalization.doors import find_door, let_in
from personalization.graphql.loaders import Loaders
from personalization.graphql.problems import BadRequest
from profiles.consent import UNSAID, Permission
from profiles.event import anonymous_key, user_key
from profiles.identity import MAX_ID_LENGTH, retired_key
from rules.book import LiveBook
from segments.roster import Roster

MAX_FIRST = 100  # of one page


class Engine(NamedTuple):
    """The parts of the process that answer; definitions are asked for anew by each call."""

    directory: Callable[[], Directory]
    book: Callable[[], LiveBook]
    roster: Callable[[], Roster]
    decider: Decider
    appender: Appender
    limits: Limits
    clock: Callable[[], int]


class Asked(NamedTuple):
    """One call."""

    caller: Caller
    loaders: Loaders
    engine: Engine
    permission: Permission = UNSAID  # what the headers say


def check_field(info: GraphQLResolveInfo) -> None:
    """Asks the table of doors whether the caller may begin with this field; raises SecretKeyNeeded, ScopeMissing."""
    let_in(info.context.caller, find_door(f"GRAPHQL {info.operation.operation.value} {info.field_name}"))


def to_key(*, id: str | None = None, user_id: str | None = None, anonymous_id: str | None = None) -> str:
    """The one identifier that a field was given; raises BadRequest."""
    given = [each for each in (id, user_id, anonymous_id) if each is not None]
    if len(given) != 1:
        raise BadRequest("name one person by exactly one of their ids")
    if id is not None:
        return to_own_key(id)
    if not 0 < len(given[0]) <= MAX_ID_LENGTH or not given[0].isprintable():
        raise BadRequest(f"an id has 1 to {MAX_ID_LENGTH} printable characters")
    return user_key(given[0]) if user_id is not None else anonymous_key(given[0])


def to_own_key(id: str) -> str:
    """The identifier of a profile's own id; raises BadRequest."""
    try:
        return retired_key(UUID(id).hex)
    except ValueError:
        raise BadRequest("the id of a profile has 32 hexadecimal digits") from None


def check_first(first: int, most: int = MAX_FIRST) -> int:
    """How many are asked for; raises BadRequest."""
    if not 1 <= first <= most:
        raise BadRequest(f"ask for 1 to {most} at once")
    return first


def list_selected(info: GraphQLResolveInfo, inside: str) -> frozenset[str]:
    """The fields that are selected in the field `inside` of this one."""
    sets = [node.selection_set for node in info.field_nodes]
    inner = [node.selection_set for node in _walk(sets, info) if node.name.value == inside]
    return frozenset(node.name.value for node in _walk(inner, info))


def _walk(sets: "list[SelectionSetNode | None]", info: GraphQLResolveInfo) -> Iterator[FieldNode]:
    waiting = list(sets)
    while waiting:
        found = waiting.pop()
        for selection in found.selections if found else ():
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, FragmentSpreadNode):
                waiting.append(info.fragments[selection.name.value].selection_set)
            else:
                waiting.append(selection.selection_set)  # type: ignore[attr-defined]  # an inline fragment's
