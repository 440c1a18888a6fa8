"""What rules do to each other and to themselves: one that another always hides, two that are level, one that cannot be
shown; said in words before publishing. Everything that is said is proved (segments.conditions.logic)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import combinations, groupby, islice

from django.utils.translation import gettext

from profiles.writing import write_number
from rules.definitions import BookPayload, OfferDefinition, RuleDefinition
from segments.conditions.calendar import Calendar
from segments.conditions.language import BadCondition, InContext, InSegment, list_leaves
from segments.conditions.logic import Clash, Form, Logic, tell_literal, to_form
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition
from segments.moments import say_moment

MOST_PAIRS = 20_000  # of rules that are compared
MOST_TOLD = 50  # of each kind

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
CODE = "code"


class Effect(StrEnum):
    """What a finding is about."""

    NEVER = "never"  # the rule cannot be shown, or not as one would think
    HIDDEN = "hidden"  # another one always comes before it
    LEVEL = "level"  # two of the same priority, and nothing says which


@dataclass(frozen=True)
class Finding:
    """Something to be known of `rules`, the slugs of those that it is about, in words."""

    effect: Effect
    rules: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class _Ready:
    """A rule, its name as it is told, its condition (None: for everybody) and when it is on, the end left out; whether
    its condition asks about the person, so that it never holds for somebody who is not to be known."""

    rule: RuleDefinition
    name: str
    form: Form | None
    starts: datetime
    ends: datetime
    asks_person: bool

    @property
    def is_for_known(self) -> bool:
        """Whether only somebody who is known can be shown it (rules.engine.find_obstacle)."""
        return self.asks_person or self.rule.offer is not None or bool(self.rule.purpose)


def find_conflicts(
    payload: BookPayload, *, at: datetime, empty_lists: Collection[str] = (), exhausted: Collection[str] = ()
) -> list[str]:
    """What is to be known of a Book's rules, as they are from `at` on. `empty_lists` are segments that nobody was
    uploaded into, `exhausted` offers without a code left. Conditions that cannot be read are another's matter."""
    findings, is_whole = find_findings(payload, at=at, empty_lists=empty_lists, exhausted=exhausted)
    by_effect = {effect: [each.words for each in findings if each.effect is effect] for effect in Effect}
    unseen = [] if is_whole else [_say_unseen()]
    return [*(line for effect in Effect for line in _bound(by_effect[effect])), *unseen]


def find_findings(
    payload: BookPayload,
    *,
    at: datetime,
    empty_lists: Collection[str] = (),
    exhausted: Collection[str] = (),
    about: str | None = None,
) -> tuple[list[Finding], bool]:
    """The same, each with the rules that it is about, and whether all pairs of rules were compared. `about` is the slug
    of the one rule that is asked about: others are compared with it alone."""
    calendar = Calendar(payload.zone)
    nobody = find_nobodys_segments(payload, calendar, empty_lists)
    logic = Logic(calendar, nobody=nobody)
    single = Logic(calendar, nobody=nobody, is_single=True)
    alive: list[_Ready] = []
    never: list[Finding] = []
    for ready in _read_rules(payload):
        slug = ready.rule.slug
        reasons = list(_list_obstacles(ready, payload, logic, at=at, exhausted=exhausted))
        never += [Finding(Effect.NEVER, (slug,), _say_never(ready, reason)) for reason in reasons]
        if not reasons:
            alive.append(ready)
            if ready.form is not None and (clash := single.find_contradiction(ready.form)) is not None:
                said = gettext("Rule %(rule)s is only for facts of several values: %(clash)s otherwise")
                words = said % {"rule": ready.name, "clash": _say_clash(clash)}
                never.append(Finding(Effect.NEVER, (slug,), words))
    pairs = list(islice(_list_pairs(alive, about), MOST_PAIRS + 1))
    hidden = [
        Finding(Effect.HIDDEN, (lower.rule.slug, higher.rule.slug), _say_hidden(higher, lower))
        for higher, lower in _find_hidden(pairs, payload, logic, at)
    ]
    drawn = {(rule.slot, rule.priority) for rule in payload.rules if rule.weight is not None}
    level = [
        Finding(Effect.LEVEL, (first.rule.slug, second.rule.slug), _say_level(first, second))
        for first, second in _find_level(pairs, drawn, logic, at)
    ]
    found = [*never, *hidden, *level]
    return [each for each in found if about is None or about in each.rules], len(pairs) <= MOST_PAIRS


def find_nobodys_segments(payload: BookPayload, calendar: Calendar, empty_lists: Collection[str] = ()) -> set[str]:
    """The segments nobody can be in: they are not live, are lists without people, or ask for what cannot be."""
    forms: dict[str, Form] = {}
    asked: set[str] = set()
    definitions = [(segment.slug, segment.condition) for segment in payload.segments]
    for slug, condition in [*definitions, *(("", rule.condition) for rule in payload.rules)]:
        try:
            root = parse_condition(condition)
        except BadCondition:
            continue
        asked |= {leaf.segment for leaf in list_leaves(root) if isinstance(leaf, InSegment)}
        if slug:
            forms[slug] = to_form(root)
    nobody = (asked - {segment.slug for segment in payload.segments}) | set(empty_lists)
    while True:  # until no other one follows from those that are known
        logic = Logic(calendar, nobody=nobody)
        more = {slug for slug, form in forms.items() if slug not in nobody and logic.find_contradiction(form)}
        if not more:
            return nobody
        nobody |= more


def _read_rules(payload: BookPayload) -> Iterator[_Ready]:
    """Those whose conditions can be read, the highest first."""
    names = [rule.name for rule in payload.rules]
    for rule in sorted(payload.rules, key=lambda rule: (rule.slot, -rule.priority, rule.slug)):
        try:
            root = None if rule.condition is None else parse_condition(rule.condition)
        except BadCondition:
            continue
        yield _Ready(
            rule,
            _say_name(rule, is_only=names.count(rule.name) == 1),
            None if root is None else to_form(root),
            _read(rule.starts, FIRST),
            _read(rule.ends, LAST),
            root is not None and any(not isinstance(leaf, InContext) for leaf in list_leaves(root)),
        )


def _say_name(rule: RuleDefinition, *, is_only: bool) -> str:
    said = gettext("“%(name)s”") if is_only else gettext("“%(name)s” (%(slug)s)")
    return said % {"name": rule.name, "slug": rule.slug}


def _say_unseen() -> str:
    said = gettext("Only %(most)s pairs of rules were compared; there are more")
    return said % {"most": write_number(MOST_PAIRS)}


def _say_never(ready: _Ready, reason: str) -> str:
    return gettext("Rule %(rule)s cannot be shown: %(reason)s") % {"rule": ready.name, "reason": reason}


def _read(moment: str | None, otherwise: datetime) -> datetime:
    return otherwise if moment is None else datetime.fromisoformat(moment)


def _list_obstacles(
    ready: _Ready, payload: BookPayload, logic: Logic, *, at: datetime, exhausted: Collection[str]
) -> Iterator[str]:
    """Why nobody will ever be shown it."""
    rule = ready.rule
    if ready.ends <= ready.starts:
        yield gettext("it ends before it starts")
    elif ready.ends <= at:
        yield gettext("its time was over on %(moment)s") % {"moment": say_moment(rule.ends)}
    if any(cap.most == 0 for cap in rule.caps):
        yield gettext("one of its caps is 0 times")
    offer = _find_offer(rule, payload)
    if offer is not None and offer.kind == CODE and rule.offer in exhausted:
        said = gettext("the offer “%(offer)s” has no codes left; upload some, or have some generated")
        yield said % {"offer": offer.name or rule.offer}
    if ready.form is not None and (clash := logic.find_contradiction(ready.form)) is not None:
        yield _say_clash(clash)


def _find_offer(rule: RuleDefinition, payload: BookPayload) -> OfferDefinition | None:
    return None if rule.offer is None else payload.offers.get(rule.offer)


def _say_clash(clash: Clash) -> str:
    if len(clash) == 1 and isinstance(leaf := clash[0].leaf, InSegment):
        return gettext("nobody is in the segment %(segment)s") % {"segment": leaf.segment}
    first, *others = [say_condition(tell_literal(literal)) for literal in clash]
    if not others:
        return gettext("“%(condition)s” never holds") % {"condition": first}
    return gettext("“%(first)s” and “%(second)s” never hold together") % {"first": first, "second": others[0]}


def _list_pairs(alive: Sequence[_Ready], about: str | None) -> Iterator[tuple[_Ready, _Ready]]:
    """Rules of the same slot, the higher one first; those of the same priority by their slugs."""
    pairs = (pair for _, rules in groupby(alive, lambda each: each.rule.slot) for pair in combinations(rules, 2))
    return (pair for pair in pairs if about is None or about in (pair[0].rule.slug, pair[1].rule.slug))


def _find_hidden(
    pairs: Sequence[tuple[_Ready, _Ready]], payload: BookPayload, logic: Logic, at: datetime
) -> Iterator[tuple[_Ready, _Ready]]:
    """Each lower rule that is never seen, with the first that hides it."""
    found: set[str] = set()
    for higher, lower in pairs[:MOST_PAIRS]:
        is_higher = higher.rule.priority > lower.rule.priority
        if is_higher and lower.rule.slug not in found and _hides(higher, lower, payload, logic, at):
            found.add(lower.rule.slug)
            yield higher, lower


def _hides(higher: _Ready, lower: _Ready, payload: BookPayload, logic: Logic, at: datetime) -> bool:
    """Whether the higher one is shown whenever the lower one could be."""
    rule, offer = higher.rule, _find_offer(higher.rule, payload)
    if rule.caps or rule.purpose or rule.weight == 0 or (offer is not None and offer.kind == CODE):
        return False  # it may step back
    if higher.is_for_known and not lower.is_for_known:
        return False
    if max(lower.starts, at) < higher.starts or lower.ends > higher.ends:
        return False
    if higher.form is None:
        return True
    return lower.form is not None and logic.implies(lower.form, higher.form)


def _say_hidden(higher: _Ready, lower: _Ready) -> str:
    said = (
        gettext("Rule %(lower)s is always hidden: %(higher)s comes before it in %(slot)s, and holds for everybody")
        if higher.form is None
        else gettext(
            "Rule %(lower)s is always hidden: %(higher)s comes before it in %(slot)s, and holds whenever it does"
        )
    )
    return said % {"lower": lower.name, "higher": higher.name, "slot": higher.rule.slot}


def _find_level(
    pairs: Sequence[tuple[_Ready, _Ready]], drawn: Collection[tuple[str, int]], logic: Logic, at: datetime
) -> Iterator[tuple[_Ready, _Ready]]:
    """Rules of the same priority that may hold at once, with nothing said of which is shown. `drawn` are the slots and
    priorities where that is drawn by weight."""
    for first, second in pairs[:MOST_PAIRS]:
        is_level = first.rule.priority == second.rule.priority
        is_drawn = (first.rule.slot, first.rule.priority) in drawn
        if not is_level or is_drawn or max(first.starts, second.starts, at) >= min(first.ends, second.ends):
            continue
        if first.form is None or second.form is None or logic.find_contradiction(first.form, second.form) is None:
            yield first, second


def _say_level(first: _Ready, second: _Ready) -> str:
    said = gettext(
        "Rules %(first)s and %(second)s have the same priority in %(slot)s, and both may hold; give them different "
        "priorities, or weights"
    )
    return said % {"first": first.name, "second": second.name, "slot": first.rule.slot}


def _bound(said: Sequence[str]) -> list[str]:
    more = len(said) - MOST_TOLD
    untold = gettext("And %(more)s more of this kind") % {"more": write_number(more)}
    return [*said[:MOST_TOLD], *([untold] if more > 0 else [])]
