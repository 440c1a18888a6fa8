"""The operators' page that hands out the people of a segment as a CSV file."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET

from segments.admin_pages import SegmentPages, address_of
from segments.exporting import stream_members
from segments.queries import read_roster


class ExportPages(SegmentPages):
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("<int:id>/export/", wrap(self.show_export), name="segments_export"), *super().get_urls()]

    @method_decorator(require_GET)
    def show_export(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """Whoever is in the version that answers."""
        segment = self.find_segment(request, id, "export_segment")
        key = read_roster().answers.get(segment.slug)
        if key is None:
            messages.error(request, f"{segment} is not in force yet, so that nobody is in it.")
            return redirect(address_of(segment))
        name = f"{segment.slug}-{timezone.localdate().isoformat()}.csv"
        self.log_change(request, segment, "Exported its people.")
        return StreamingHttpResponse(
            stream_members(key),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )
