"""A condition in words, with its *and* and *or* told apart from the rest; the sentence is that of `say_condition`."""

from django.utils.translation import gettext

from segments.conditions.language import Group, Node
from segments.conditions.words import say_condition

Phrase = tuple[str, bool]  # a piece of the sentence, and whether it joins two others


def list_phrases(node: Node) -> list[Phrase]:
    """The pieces of the sentence, in order."""
    if not isinstance(node, Group):
        return [(say_condition(node), False)]
    if node.kind == "not":
        before, _, after = gettext("not (%(part)s)").partition("%(part)s")
        return [(before, False), *_join(node, gettext("%(left)s or %(right)s")), (after, False)]
    return _join(node, gettext("%(left)s and %(right)s" if node.kind == "and" else "%(left)s or %(right)s"))


def _join(group: Group, phrase: str) -> list[Phrase]:
    joint = phrase % {"left": "", "right": ""}
    found: list[Phrase] = []
    for child in group.children:
        if found:
            found.append((joint, True))
        needs_brackets = isinstance(child, Group) and child.kind != "not" and len(child.children) > 1
        found += [("(", False), *list_phrases(child), (")", False)] if needs_brackets else list_phrases(child)
    return found
