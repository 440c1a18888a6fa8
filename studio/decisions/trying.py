"""What a back-test came to, as the page shows it: each rule before and after, what takes the place of what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rules.models import BackTest
from studio.decisions.words import say_kept

SHOWN_TURNS = 20
SHOWN_EXAMPLES = 20


@dataclass(frozen=True)
class RuleTried:
    """`was` and `now` are decisions; their bars are in percent of the longest."""

    slug: str
    name: str
    was: int
    now: int
    was_bar: float
    now_bar: float
    people: int
    held: int
    kept: Sequence[tuple[str, int]]
    behind: Sequence[tuple[str, int]]

    @property
    def difference(self) -> int:
        return self.now - self.was


@dataclass(frozen=True)
class Tried:
    decisions: int
    people: int
    share: float
    different: int
    different_people: int
    rules: Sequence[RuleTried]
    turns: Sequence[Mapping[str, Any]]
    examples: Sequence[tuple[UUID, Sequence[Mapping[str, str]]]]
    codes: Sequence[tuple[str, int]]
    skipped: Sequence[tuple[str, int]]
    untouched: int  # rules that neither were shown nor held

    @property
    def percent(self) -> str:
        return f"{100 * self.different / self.decisions:.3g}" if self.decisions else "0"


def tell_trial(test: BackTest) -> Tried | None:
    """None until it is done."""
    result = test.result
    if result is None:
        return None
    names = {rule["slug"]: rule.get("name") or rule["slug"] for rule in test.payload.get("rules", ())}
    names[""] = ""
    slots = {slug: each.get("name") or slug for slug, each in test.payload.get("slots", {}).items()}
    most = max((max(each["shown"], each["was_shown"]) for each in result["rules"].values()), default=0) or 1
    rules = [
        RuleTried(
            slug=slug,
            name=names.get(slug, slug),
            was=each["was_shown"],
            now=each["shown"],
            was_bar=round(100 * each["was_shown"] / most, 1),
            now_bar=round(100 * each["shown"] / most, 1),
            people=each["people"],
            held=each["held"],
            kept=[(say_kept(why), count) for why, count in _most(each["kept"])],
            behind=[(names.get(other, other), count) for other, count in _most(each["behind"])],
        )
        for slug, each in result["rules"].items()
    ]
    touched = [rule for rule in rules if rule.was or rule.now or rule.held]
    touched.sort(key=lambda rule: (-abs(rule.difference), -rule.now, -rule.held, rule.name))
    return Tried(
        decisions=result["decisions"],
        people=result["people"],
        share=result["share"],
        different=result["different"]["decisions"],
        different_people=result["different"]["people"],
        rules=touched,
        turns=[
            {
                **turn,
                "slot": slots.get(turn["slot"], turn["slot"]),
                "was": names.get(turn["from"], turn["from"]),
                "now": names.get(turn["to"], turn["to"]),
            }
            for turn in result["turns"][:SHOWN_TURNS]
        ],
        examples=[
            (
                UUID(sample["decision"]),
                [
                    {"slot": slots.get(slot, slot), "was": names.get(was, was), "now": names.get(now, now)}
                    for slot, (was, now) in sample["slots"].items()
                ],
            )
            for sample in result["samples"][:SHOWN_EXAMPLES]
        ],
        codes=_most(result["codes"]),
        skipped=_most(result["skipped"]),
        untouched=len(rules) - len(touched),
    )


def _most(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))
