"""The addresses of the REST door, all under /api/v1/. The hot decide door stands before it (see asgi.py)."""

from personalization.rest import (
    back_tests,
    books,
    catalogue,
    content,
    decisions,
    definitions_file,
    events,
    offers,
    performance,
    points,
    privacy,
    profiles,
    segments,
)

urlpatterns = [
    *profiles.urlpatterns,
    *privacy.urlpatterns,
    *points.urlpatterns,
    *events.urlpatterns,
    *segments.urlpatterns,
    *performance.urlpatterns,  # before a rule of that name
    *content.urlpatterns,
    *offers.urlpatterns,
    *definitions_file.urlpatterns,
    *books.urlpatterns,
    *back_tests.urlpatterns,
    *decisions.urlpatterns,
    *catalogue.urlpatterns,
]
