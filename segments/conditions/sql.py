"""The archive's evaluator: a condition as one set-based question to PostgreSQL, answered for everybody at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.sql import SQL, Composable, Literal

from profiles.profile import Profile
from segments.conditions.language import (
    Did,
    DidWhen,
    Group,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Leaf,
    Node,
    Sequence,
    Test,
)
from segments.conditions.parts import compile_context
from segments.conditions.sql_events import Joined, Question, is_asked, join_did, join_did_when, join_sequence, until
from segments.conditions.sql_values import FALSE, TRUE, join, test_fact, to_time

# Every profile that was taken over, and who it is now.
FORMER = SQL("""
known (id, person) AS (
  SELECT substr(key, 3)::uuid, profile_id FROM profiles_identifier WHERE key LIKE 'p:%'
  UNION
  SELECT known.id, following.profile_id FROM known
  JOIN profiles_identifier AS following ON following.key = 'p:' || replace(known.person::text, '-', '')
), former AS MATERIALIZED (
  SELECT id, person FROM known WHERE NOT EXISTS (
    SELECT FROM profiles_identifier WHERE key = 'p:' || replace(known.person::text, '-', ''))
)""")
# What traits said by then: of each person's newest, the value.
TRAIT_THEN = SQL("""
SELECT DISTINCT ON (1) coalesce(former.person, event.profile_id) AS person, event.traits -> {trait} AS measure
FROM profiles_archivedevent AS event LEFT JOIN former ON former.id = event.profile_id
WHERE event.type = 'identify' AND {until} AND {asked} AND event.traits ? {trait}
ORDER BY 1, event.at DESC, (event.traits -> {trait})::text COLLATE "C" DESC""")
NOBODY = Profile(id="")  # asked where only the visit counts


@dataclass(frozen=True)
class Answer:
    """What a condition is in SQL: `source` has one row a person, whose profile is called `person`; `matches` says of it
    whether the condition holds, `nodes` the same of every node by its id, all of them true or false."""

    source: Composable
    matches: Composable
    nodes: Mapping[str, Composable]

    def select(self, columns: Composable, where: Composable = TRUE) -> Composable:
        return SQL("WITH RECURSIVE {} SELECT {} FROM {} WHERE {}").format(FORMER, columns, self.source, where)


def compile_sql(
    root: Node,
    asked: Question,
    context: Mapping[str, Any] | None = None,
    definitions: Mapping[str, Node] | None = None,
    keys: Mapping[str, str] | None = None,
) -> Answer:
    """The condition as SQL.

    A segment that is referred to is asked by its condition in `definitions`, else by whether people carry it, under
    the name that `keys` gives it. The context is that of one visit, the same for everybody."""
    compiler = _Compiler(asked, context or {}, definitions or {}, keys or {})
    matches = compiler.compile(root)
    known = SQL("first_seen <= {}").format(to_time(asked.now)) if asked.is_past else TRUE
    sampled = is_asked("id", asked)
    source: Composable = SQL("(SELECT * FROM profiles_storedprofile WHERE {}) AS person").format(
        join([known, sampled], "AND")
    )
    for alias, table in compiler.tables:
        source = SQL("{0} LEFT JOIN ({1}) AS {2} ON {2}.person = person.id").format(source, table, alias)
    return Answer(source, matches, compiler.nodes)


class _Compiler:
    """Turns nodes into expressions over the profile called `person` and the tables joined to it on the way."""

    def __init__(
        self,
        asked: Question,
        context: Mapping[str, Any],
        definitions: Mapping[str, Node],
        keys: Mapping[str, str],
    ) -> None:
        self.nodes: dict[str, Composable] = {}
        self.tables: list[tuple[Composable, Composable]] = []  # alias, rows of (person, measure)
        self._asked, self._context, self._definitions, self._keys = asked, context, definitions, keys
        self._segments: dict[str, Composable] = {}

    def compile(self, node: Node) -> Composable:
        """The node and those below it, each kept by its id."""
        if isinstance(node, Group):
            matches = join([self.compile(child) for child in node.children], "AND" if node.kind == "and" else "OR")
            if node.kind == "not":
                matches = SQL("(NOT {})").format(matches)
        else:
            matches = self._compile_leaf(node)
        self.nodes[node.id] = matches
        return matches

    def _compile_leaf(self, leaf: Leaf) -> Composable:
        asked = self._asked
        match leaf:
            case Did():
                return self._join(join_did(leaf, asked))
            case DidWhen():
                return self._join(join_did_when(leaf, asked))
            case Sequence():
                return self._join(join_sequence(leaf, asked))
            case HasTrait():
                return self._compile_fact(self._find_trait(leaf.test.name), leaf.test)
            case InContext():
                part = compile_context(leaf, asked.calendar)
                return TRUE if part.matches(NOBODY, {}, self._context, asked.now) else FALSE
            case InSegment():
                return self._compile_segment(leaf.segment)
            case InCluster():
                return self._compile_fact(self._now_only(SQL("to_jsonb(person.cluster)")), leaf.test)
            case HasScore():
                score = SQL("(person.scores -> {})").format(Literal(leaf.test.name))
                return self._compile_fact(self._now_only(score), leaf.test)

    def _join(self, joined: Joined) -> Composable:
        return joined.matches(self._add(joined.table))

    def _add(self, table: Composable) -> Composable:
        """Joins a table; the reference to what it measures."""
        alias = SQL(f"part{len(self.tables)}")
        self.tables.append((alias, table))
        return SQL("{}.measure").format(alias)

    def _compile_fact(self, value: Composable, test: Test) -> Composable:
        return test_fact(value, test, self._asked.calendar, self._asked.now)

    def _find_trait(self, name: str) -> Composable:
        asked = self._asked
        if not asked.is_past and not asked.archived_traits:
            return SQL("(person.traits -> {})").format(Literal(name))
        of_them = is_asked("coalesce(former.person, event.profile_id)", asked)
        return self._add(TRAIT_THEN.format(trait=Literal(name), until=until(asked), asked=of_them))

    def _now_only(self, value: Composable) -> Composable:
        """What models said in the past is not archived: as if they had said nothing."""
        return SQL("NULL::jsonb") if self._asked.is_past else value

    def _compile_segment(self, slug: str) -> Composable:
        definition = self._definitions.get(slug)
        if definition is None:
            return SQL("(person.segments ? {})").format(Literal(self._keys.get(slug, slug)))
        if slug not in self._segments:
            nodes, self.nodes = self.nodes, {}  # its ids are those of another tree
            self._segments[slug] = self.compile(definition)
            self.nodes = nodes
        return self._segments[slug]
