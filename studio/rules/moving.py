"""The order of a slot's rules as a form carries it, `first second+third fourth`, and moves in it; `+` is a shared step.
Pure; static/studio/order.js does the same without asking."""

from enum import StrEnum

Order = list[list[str]]


class Move(StrEnum):
    UP = "up"
    DOWN = "down"
    JOIN = "join"  # the step above
    LEAVE = "leave"  # a shared step, for one of its own below


def read_order(said: str) -> Order:
    return [[slug for slug in step.split("+") if slug] for step in said.split()]


def write_order(steps: Order) -> str:
    return " ".join("+".join(step) for step in steps)


def move(steps: Order, slug: str, how: Move) -> Order:
    """The order after one move; the same where there is nowhere to go. Raises ValueError for what is not in it."""
    at = next((number for number, step in enumerate(steps) if slug in step), None)
    if at is None:
        raise ValueError(f"{slug} is none of its rules")
    rest = [[each for each in step if each != slug] for step in steps]
    is_shared = len(steps[at]) > 1
    if how is Move.JOIN:
        if at == 0 or is_shared:
            return steps
        rest[at - 1].append(slug)
    elif how is Move.LEAVE:
        if not is_shared:
            return steps
        rest.insert(at + 1, [slug])
    elif how is Move.UP:
        rest.insert(at if is_shared else max(0, at - 1), [slug])
    else:
        rest.insert(at + 1 if is_shared else at + 2, [slug])
    return [step for step in rest if step]
