"""A condition's rows in words, with the names of audiences in place of the slugs by which conditions ask for them."""

from collections.abc import Iterable, Mapping

from django.utils.html import format_html
from django.utils.translation import gettext

from personalization.preview import list_rows, say_node
from segments.conditions.language import InSegment, Node
from segments.models import Segment


def read_names(roots: Iterable[Node]) -> dict[str, str]:
    """By their slugs, the names of the audiences that those conditions ask for."""
    asked = {node.segment for root in roots for _, node in list_rows(root) if isinstance(node, InSegment)}
    return dict(Segment.objects.filter(slug__in=asked).values_list("slug", "name")) if asked else {}


def say_named(node: Node, names: Mapping[str, str]) -> str:
    """The row as text or as safe HTML: the slug is the title of the name."""
    if not isinstance(node, InSegment) or node.segment not in names:
        return say_node(node)
    before, _, after = gettext("is in %(segment)s").partition("%(segment)s")
    return format_html('{}<span title="{}">{}</span>{}', before, node.segment, names[node.segment], after)
