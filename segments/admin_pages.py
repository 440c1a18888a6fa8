"""What the pages about one segment have in common, beside the form of its definition."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from profiles.admin import ModelAdmin
from segments.models import Segment
from segments.queries import read_roster


class SegmentPages(ModelAdmin):
    """Finds the segment of an address, and shows a page about it."""

    def find_segment(self, request: HttpRequest, id: int, permission: str) -> Segment:
        """Raises PermissionDenied and Http404."""
        if not request.user.has_perm(f"segments.{permission}"):
            raise PermissionDenied
        return get_object_or_404(Segment, pk=id)

    def show_page(self, request: HttpRequest, page: str, segment: Segment, context: dict[str, Any]) -> HttpResponse:
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "segment": segment,
            "key": read_roster().answers.get(segment.slug),
        }
        return TemplateResponse(request, f"admin/segments/{page}.html", {**common, **context})


def address_of(segment: Segment) -> str:
    return reverse("admin:segments_segment_change", args=[segment.pk])
