"""A condition in plain words: the same sentence wherever it is shown."""

from collections.abc import Sequence

from segments.conditions.language import (
    UNITS,
    Did,
    DidWhen,
    Group,
    HasScore,
    HasTrait,
    InCluster,
    InContext,
    InSegment,
    Last,
    Node,
    Test,
    This,
    Window,
)
from segments.conditions.language import Sequence as SequenceNode

# `{name}` and `{value}` are filled in.
_TESTS: dict[str, str] = {
    "is": "{name} is {value}",
    "is_not": "{name} is not {value}",
    "in": "{name} is {value}",
    "contains": "{name} contains {value}",
    "starts_with": "{name} starts with {value}",
    "exists": "{name} is known",
    "at_least": "{name} is at least {value}",
    "at_most": "{name} is at most {value}",
    "more_than": "{name} is more than {value}",
    "less_than": "{name} is less than {value}",
    "between": "{name} is between {value}",
    "before": "{name} is before {value}",
    "after": "{name} is after {value}",
    "within_last": "{name} is within the last {value}",
    "longer_ago_than": "{name} is longer ago than {value}",
    "within_next": "{name} is within the next {value}",
    "anniversary": "{name} has its anniversary within {value} days",
}
_COMPARED: dict[str, str] = {
    "at_least": "at least",
    "at_most": "at most",
    "exactly": "exactly",
    "more_than": "more than",
    "less_than": "less than",
    "between": "between",
}


def say_condition(node: Node) -> str:
    """One sentence without a full stop, such as `did Product Viewed at least 3 times in the last 30 days`."""
    match node:
        case Group(kind="not", children=children):
            return f"not ({' or '.join(_part(child) for child in children)})"
        case Group(kind=kind, children=children):
            return f" {kind} ".join(_part(child) for child in children)
        case Did():
            return _say_did(node)
        case DidWhen():
            return f"{_say_test(node.test)} ({node.which} {node.event})"
        case SequenceNode(steps=steps):
            return " then ".join(f"{'did' if step.did else 'did not do'} {step.event}" for step in steps)
        case HasTrait(test=test) | InContext(test=test) | InCluster(test=test) | HasScore(test=test):
            return _say_test(test)
        case InSegment(segment=segment):
            return f"is in {segment}"


def _part(node: Node) -> str:
    said = say_condition(node)
    return f"({said})" if isinstance(node, Group) and node.kind != "not" and len(node.children) > 1 else said


def _say_did(node: Did) -> str:
    words = ["did" if node.did else "did not do", node.event]
    if node.where:
        words += ["where", _join([_say_test(test) for test in node.where], "and")]
    if node.measure == "count":
        if (node.op, node.value) != ("at_least", 1):
            words += [_COMPARED[node.op], _numbers(node.value), "time" if node.value == 1 else "times"]
    else:
        what = "a total" if node.measure == "sum" else "a number of different values"
        words += [f"with {what} of {node.of}", _COMPARED[node.op], _numbers(node.value)]
    if node.window is not None:
        words.append(_say_window(node.window))
    return " ".join(words)


def _say_test(test: Test) -> str:
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    return _TESTS[test.op].format(name=test.name, value=_join([_quote(value) for value in values], "or"))


def _quote(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{value}”" if isinstance(value, str) else _number(value)


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _say_window(window: Window) -> str:
    match window:
        case Last(ms=ms):
            return f"in the last {_window(ms)}"
        case This(unit=unit):
            return f"this {unit}"
        case _:
            return f"from {window.start} to {window.end}"


def _numbers(value: float | tuple[float, float]) -> str:
    return " and ".join(map(_number, value)) if isinstance(value, tuple) else _number(value)


def _window(milliseconds: int) -> str:
    """The longest unit that says it without a fraction."""
    unit = next((unit for unit in ("days", "hours") if milliseconds % UNITS[unit] == 0), "minutes")
    count = milliseconds / UNITS[unit]
    return unit.removesuffix("s") if count == 1 else f"{count:g} {unit}"


def _join(parts: Sequence[str], word: str) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"
