"""Finds what an address of an audience names, and shows a page about it under one head."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from segments.models import Segment
from studio.audiences.heading import make_heading
from studio.pages import show


def find_segment(slug: str) -> Segment:
    """Raises Http404."""
    return get_object_or_404(Segment, slug=slug)


def show_about(
    request: HttpRequest, page: str, segment: Segment, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """`title` in the context is what the page is called beside the audience's name."""
    heading = context.get("heading") or make_heading(segment)
    common = {"segment": segment, "heading": heading}
    return show(request, f"studio/audiences/{page}.html", {**common, **context}, status=status)


def ask(request: HttpRequest, segment: Segment, title: Any, says: Any, yes: Any, **more: Any) -> HttpResponse:
    """A page that asks whether it is meant, for those whose browser did not ask already."""
    return show_about(request, "ask", segment, {"title": title, "says": says, "yes": yes, **more})
