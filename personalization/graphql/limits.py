"""What a query may ask for, found before anything is executed: its size, its shape, and what it costs at most."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from personalization.graphql.problems import BAD_QUERY, BadCall

MAX_QUERY = 16_000  # characters
MAX_TOKENS = 2_000
MAX_FIELDS = 300  # with fragments written out, as often as they are used
MAX_ALIASES = 30
MAX_DEPTH = 8
MAX_INTROSPECTION_DEPTH = 20  # of the questions that tools ask of a schema

# A field counts 1, more where it takes a question of its own or may be large; its fields count once for each row.
WEIGHTS: Mapping[tuple[str, str], int] = {
    ("Query", "decide"): 20,
    ("Mutation", "setTraits"): 20,
    ("Mutation", "setConsent"): 20,
    ("Customer", "timeline"): 10,
    ("Customer", "transactions"): 10,
    ("Customer", "decisions"): 10,
    ("Customer", "grants"): 10,
    ("Points", "balance"): 10,
    ("Points", "entries"): 10,
    ("Segment", "size"): 2,
    ("ArchivedEvent", "properties"): 5,
    ("ArchivedEvent", "traits"): 5,
    ("ArchivedEvent", "context"): 5,
    ("Order", "products"): 5,
}
ROWS = ("first", "limit", "ids", "slots")  # arguments that say how many rows there are: a number, or a list

# Lists that no argument bounds, and how long they are taken to be.
LENGTHS: Mapping[tuple[str, str], int] = {
    ("Query", "slots"): 20,
    ("Customer", "identifiers"): 10,
    ("Customer", "consent"): 10,
    ("Customer", "segments"): 20,
    ("Customer", "scores"): 10,
    ("Decision", "slots"): 5,
    ("DecidedSlot", "suppressed"): 5,
    ("AnsweredSlot", "suppressed"): 5,
}


class Variable(NamedTuple):
    """A number of rows that the call says."""

    name: str
    default: int


class Price(NamedTuple):
    """What a field costs, before variables are known."""

    weight: int
    rows: int | Variable
    inner: "tuple[Price, ...]"

    def pay(self, variables: Mapping[str, Any]) -> int:
        if not self.inner:
            return self.weight
        rows = self.rows
        if isinstance(rows, Variable):
            rows = _count(variables.get(rows.name), rows.default)
        return self.weight + rows * sum(price.pay(variables) for price in self.inner)


def read_operation(document: DocumentNode) -> OperationDefinitionNode:
    """The one operation of a document; raises BadCall."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    if len(operations) + len(fragments) != len(document.definitions):
        raise BadCall(BAD_QUERY, "a query has an operation and fragments, and nothing else")
    if len(operations) != 1:
        raise BadCall("one_operation", "send one operation at a time")
    if operations[0].operation is OperationType.SUBSCRIPTION:
        raise BadCall(BAD_QUERY, "there are no subscriptions here; the socket tells of changes")
    return operations[0]


def check_shape(document: DocumentNode, operation: OperationDefinitionNode) -> None:
    """Raises BadCall for what is too deep or too much to be validated, whatever the fields are."""
    _Shape(_fragments(document)).check(operation.selection_set, 1, MAX_DEPTH)


class _Shape:
    """Counts selections as they will be executed: fragments as often as they are used."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._inside: list[str] = []
        self._fields = self._aliases = self._steps = 0

    def check(self, selected: SelectionSetNode, depth: int, most: int) -> None:
        if depth > most:
            raise BadCall("too_deep", f"fields are nested at most {most} deep")
        for selection in selected.selections:
            self._step()
            if isinstance(selection, FieldNode):
                self._count_field(selection)
                if selection.selection_set is not None:
                    asks_schema = selection.name.value.startswith("__")
                    self.check(selection.selection_set, depth + 1, MAX_INTROSPECTION_DEPTH if asks_schema else most)
            elif isinstance(selection, InlineFragmentNode):
                self.check(selection.selection_set, depth, most)
            elif isinstance(selection, FragmentSpreadNode):
                self._spread(selection.name.value, depth, most)

    def _spread(self, name: str, depth: int, most: int) -> None:
        if name in self._inside:
            raise BadCall(BAD_QUERY, "a fragment is inside of itself")
        fragment = self._fragments.get(name)
        if fragment is not None:  # else validation says so
            self._inside.append(name)
            self.check(fragment.selection_set, depth, most)
            self._inside.pop()

    def _step(self) -> None:
        self._steps += 1
        if self._steps > 2 * MAX_FIELDS:
            raise BadCall("too_many_fields", f"a query has at most {MAX_FIELDS} fields, those of fragments included")

    def _count_field(self, field: FieldNode) -> None:
        self._fields += 1
        self._aliases += field.alias is not None
        if self._fields > MAX_FIELDS:
            raise BadCall("too_many_fields", f"a query has at most {MAX_FIELDS} fields, those of fragments included")
        if self._aliases > MAX_ALIASES:
            raise BadCall("too_many_aliases", f"a query has at most {MAX_ALIASES} aliases, those of fragments included")


def find_price(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Price:
    """What a valid operation costs."""
    root = schema.get_root_type(operation.operation)
    assert root is not None  # validation has seen to it
    return Price(0, 1, _list_prices(schema, _fragments(document), root, operation.selection_set))


def _list_prices(
    schema: GraphQLSchema,
    fragments: Mapping[str, FragmentDefinitionNode],
    parent: GraphQLNamedType,
    selected: SelectionSetNode,
) -> tuple[Price, ...]:
    prices: list[Price] = []
    for selection in selected.selections:
        if isinstance(selection, FieldNode):
            prices.append(_price_field(schema, fragments, parent, selection))
        elif isinstance(selection, FragmentSpreadNode):
            prices += _list_prices(schema, fragments, parent, fragments[selection.name.value].selection_set)
        else:
            prices += _list_prices(schema, fragments, parent, cast(InlineFragmentNode, selection).selection_set)
    return tuple(prices)


def _price_field(
    schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], parent: GraphQLNamedType, node: FieldNode
) -> Price:
    name = (parent.name, node.name.value)
    weight = WEIGHTS.get(name, 1)
    field = getattr(parent, "fields", {}).get(node.name.value)
    if field is None:  # __typename, or a question about the schema
        inner = node.selection_set
        return Price(weight, 1, () if inner is None else (Price(MAX_FIELDS, 1, ()),))
    kind = get_named_type(field.type)
    rows = _find_rows(node, field.args) or LENGTHS.get(name, 1)
    if not is_composite_type(kind) or node.selection_set is None:
        return Price(weight, rows, ())
    return Price(weight, rows, _list_prices(schema, fragments, kind, node.selection_set))


def _find_rows(node: FieldNode, arguments: Mapping[str, Any]) -> int | Variable | None:
    """How many rows a field's arguments ask for, None when they do not say."""
    name = next((name for name in ROWS if name in arguments), None)
    if name is None:
        return None
    default = _count(arguments[name].default_value, 1)
    value = next((each.value for each in node.arguments if each.name.value == name), None)
    if isinstance(value, VariableNode):
        return Variable(value.name.value, default)
    if isinstance(value, IntValueNode):
        return max(1, int(value.value))
    if isinstance(value, ListValueNode):
        return max(1, len(value.values))
    return default


def _count(value: Any, default: int) -> int:
    if isinstance(value, list):
        return max(1, len(value))
    return max(1, value) if isinstance(value, int) else default


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
