"""The addresses of the REST door, all under /api/v1/. The hot decide door stands before it (see asgi.py)."""

from django.urls import re_path

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
from personalization.rest.resource import Nowhere

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
    re_path("", Nowhere.as_view()),
]
