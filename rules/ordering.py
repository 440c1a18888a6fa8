"""The order of a slot's rules, as people arrange them: steps from the first asked to the last, each of one or more
rules; written as priorities, of as few rules as possible."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise

from django.contrib.auth.models import User
from django.db import transaction

from rules.drafts import Overtaken, save_draft
from rules.engine import is_drawn
from rules.models import Revision, Rule, Slot

GAP = 10  # between the priorities of steps, where there is room
LOWEST, HIGHEST = -(2**31), 2**31 - 1


class OrderOvertaken(Overtaken):
    """Somebody has changed, made or removed a rule of the slot since the order was looked at; `rule` is which."""

    def __init__(self, rule: str, current: int) -> None:
        self.rule = rule
        super().__init__(current)


Steps = Sequence[Sequence[str]]  # slugs, the first asked first


def list_steps(slot: Slot) -> list[list[Rule]]:
    """The rules of a slot, the first asked first, those of one priority together."""
    rules = slot.rules.select_related("slot", "block", "offer").order_by("-priority", "slug")
    return [list(step) for _, step in groupby(rules, lambda rule: rule.priority)]


@transaction.atomic
def save_order(slot: Slot, steps: Steps, *, seen: Mapping[str, int], by: User | None, at: datetime) -> list[Revision]:
    """Gives the rules priorities by which they come in these steps, each change a revision. `seen` are the versions of
    all rules of the slot that the order was made from. Raises OrderOvertaken where one is another by now, and
    ValueError for an order that is none of these rules."""
    rules = {rule.slug: rule for rule in slot.rules.select_for_update(of=("self",)).select_related(*RELATED)}
    for slug in sorted({*rules, *seen}):
        current = rules[slug].version if slug in rules else 0
        if seen.get(slug) != current or slug not in rules:
            raise OrderOvertaken(slug, current)
    named = [slug for step in steps for slug in step]
    if sorted(named) != sorted(rules) or not all(steps):
        raise ValueError("an order names each rule of its slot once")
    priorities = find_priorities([[rules[slug].priority for slug in step] for step in steps])
    kept = []
    for step, priority in zip(steps, priorities, strict=True):
        for slug in step:
            rule = rules[slug]
            if rule.priority != priority:
                rule.priority = priority
                kept.append(save_draft(rule, by=by, at=at, note="Moved in its slot", expected=seen[slug]))
    return [each for each in kept if each is not None]


RELATED = ("slot", "block", "block__fallback")


def find_priorities(steps: Sequence[Sequence[int]]) -> list[int]:
    """A priority for each step, falling from the first to the last; `steps` are those that their rules have now. As
    many steps as possible keep theirs."""
    rising = [max(set(step), key=lambda each: (step.count(each), each)) for step in reversed(steps)]
    kept = _find_kept(rising)
    found = dict.fromkeys(range(len(rising)), 0)
    found.update({place: rising[place] for place in kept})
    for place in reversed(range(kept[0] if kept else 0)):
        found[place] = found[place + 1] - GAP
    for before, after in pairwise(kept):
        width = found[after] - found[before]
        for place in range(before + 1, after):
            found[place] = found[before] + width * (place - before) // (after - before)
    for place in range(kept[-1] + 1 if kept else 0, len(rising)):
        found[place] = found[place - 1] + GAP if place else 0
    values = [found[place] for place in range(len(rising))]
    if values and (values[0] < LOWEST or values[-1] > HIGHEST):
        values = [GAP * place for place in range(len(rising))]
    return values[::-1]


def _find_kept(rising: Sequence[int]) -> list[int]:
    """The most places whose priorities can stay: they rise, with room for those between."""
    longest: list[int] = []
    before: list[int | None] = []
    for place, priority in enumerate(rising):
        fits = [(longest[other], -other) for other in range(place) if priority - rising[other] >= place - other]
        best = max(fits, default=(0, 1))
        longest.append(best[0] + 1)
        before.append(None if best[1] > 0 else -best[1])
    if not longest:
        return []
    last: int | None = max(range(len(longest)), key=lambda each: (longest[each], each))
    kept = []
    while last is not None:
        kept.append(last)
        last = before[last]
    return kept[::-1]


def find_shares(step: Sequence[Rule]) -> dict[str, int] | None:
    """Of how many per cent of people each live rule of a step is asked first; None where nothing is drawn: then they
    are asked by their slugs."""
    live = [rule for rule in step if rule.live]
    if not is_drawn(live):  # type: ignore[arg-type]  # it looks at weights alone, which drafts have too
        return None
    total = sum(rule.weight or 1 for rule in live)
    return {rule.slug: round(100 * (rule.weight or 1) / total) for rule in live}
