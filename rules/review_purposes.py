"""Whether the purposes of rules are declared, so that somebody can have consented to them. Pure."""

from collections.abc import Collection

from rules.definitions import BookPayload


def find_unknown_purposes(payload: BookPayload, purposes: Collection[str]) -> list[str]:
    """Rules that ask for consent to a purpose nobody has declared: most likely nobody is ever asked for it."""
    return [
        f"Rule {rule.slug} asks for consent to “{rule.purpose}”, which is not among the purposes of the organisation: "
        "it is shown only to those who were asked for it by that name"
        for rule in payload.rules
        if rule.purpose and rule.purpose not in purposes
    ]
