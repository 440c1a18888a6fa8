"""Queries made ready to run: parsed, bounded, validated and priced once, and kept by their text."""

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

from personalization.graphql.limits import MAX_QUERY, MAX_TOKENS, Price, check_shape, find_price, read_operation
from personalization.graphql.problems import BadCall

KEPT = 200  # queries; those that were not asked for the longest go first
TOLD_ERRORS = 10


class Plan(NamedTuple):
    """One query, ready to run."""

    document: DocumentNode
    operation: OperationDefinitionNode
    price: Price


class Invalid(Exception):
    """The query asks for what is not there, or in a wrong way."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        self.errors = errors
        super().__init__(f"{len(errors)} errors")


class Plans:
    """The queries that a process has seen lately. Without `introspection` it `hides` what is in the schema."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._rules = list(specified_rules) if introspection else [*specified_rules, NoSchemaIntrospectionCustomRule]
        self.hides = not introspection
        self._kept: OrderedDict[str, Plan] = OrderedDict()

    async def find(self, query: str) -> Plan:
        """The plan of a query; raises BadCall and Invalid."""
        plan = self._kept.get(query)
        if plan is not None:
            self._kept.move_to_end(query)
            return plan
        plan = self._kept[query] = await asyncio.to_thread(self.make, query)  # others are answered meanwhile
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return plan

    def make(self, query: str) -> Plan:
        """As `find`, of one that was not seen before."""
        if len(query) > MAX_QUERY:
            raise BadCall("too_large", f"a query has at most {MAX_QUERY} characters; put what is long into variables")
        try:
            document = parse(query, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_TOKENS)
        except GraphQLError as error:
            raise Invalid([error]) from None
        operation = read_operation(document)
        check_shape(document, operation)
        errors = validate(self._schema, document, self._rules, TOLD_ERRORS, hide_suggestions=self.hides)
        if errors:
            raise Invalid(errors)
        return Plan(document, operation, find_price(self._schema, document, operation))
