"""Who is in a segment and what a stored condition says, in words."""

from datetime import datetime

from django.utils.translation import gettext

from segments.conditions.language import BadCondition
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition
from segments.forms import list_problems
from segments.models import Segment
from segments.moments import say_moment


def say_stored(tree: object) -> str:
    """A stored condition in words, or that and why it cannot be read."""
    try:
        return say_condition(parse_condition(tree))
    except BadCondition as error:
        return gettext("cannot be read: %(problems)s") % {"problems": "; ".join(list_problems(error))}


def say_definition(kind: str, condition: object, as_of: datetime | str | None) -> str:
    """Who is in a segment, in words."""
    if kind == Segment.Kind.LIST:
        return gettext("whoever was uploaded")
    if kind == Segment.Kind.SNAPSHOT:
        places = {"condition": say_stored(condition), "moment": say_moment(as_of)}
        return gettext("%(condition)s, as of %(moment)s") % places
    return say_stored(condition)
