"""Why a slot was answered as it was, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext

from studio.decisions.words import say_kept
from studio.people.names import Names


def say_answer(answer: Mapping[str, Any], names: Names) -> str:
    """One sentence without a full stop. `answer` is as rules.models.Decision keeps it."""
    rule, block = answer.get("rule"), answer.get("block")
    said = {
        "rule": names.rules.get(str(rule), rule),
        "block": names.blocks.get(str(block), block),
        "audiences": get_text_list(
            [names.audiences.get(each, each) for each in answer.get("segments", ())], gettext("and")
        ),
    }
    match answer["reason"]:
        case "rule_matched" if said["audiences"]:
            return gettext("“%(block)s”, because the rule “%(rule)s” matched: the person is in %(audiences)s") % said
        case "rule_matched":
            return gettext("“%(block)s”, because the rule “%(rule)s” matched") % said
        case "no_rule_matched" if block:
            return gettext("“%(block)s”, the slot’s default, because no rule matched") % said
        case "no_rule_matched":
            return gettext("the page’s own content, because no rule matched")
        case "unknown_slot":
            return gettext("the page’s own content, because the Book does not know this slot")
        case "timeout":
            return gettext("the default, because the answer would have come too late")
        case "render_failed" if rule:
            return gettext("the default, because the block of the rule “%(rule)s” could not be rendered") % said
        case _:
            return gettext("the default, because the block could not be rendered")


def say_suppressed(answer: Mapping[str, Any], names: Names) -> Sequence[str]:
    """Rules that held and were kept back, each with why."""
    return [
        gettext("“%(rule)s” matched too, but: %(why)s")
        % {"rule": names.rules.get(each["rule"], each["rule"]), "why": say_kept(each["why"])}
        for each in answer.get("suppressed", ())
    ]
