"""The addresses of the REST door, all under /api/v1/. The hot decide door stands before it (see asgi.py)."""

from personalization.rest import (
    books,
    catalogue,
    content,
    decisions,
    definitions_file,
    events,
    offers,
    privacy,
    profiles,
    segments,
)

urlpatterns = [
    *profiles.urlpatterns,
    *privacy.urlpatterns,
    *events.urlpatterns,
    *segments.urlpatterns,
    *content.urlpatterns,
    *offers.urlpatterns,
    *definitions_file.urlpatterns,
    *books.urlpatterns,
    *decisions.urlpatterns,
    *catalogue.urlpatterns,
]
