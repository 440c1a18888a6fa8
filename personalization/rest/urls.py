"""The addresses of the REST door, all under /api/v1/. The hot decide door stands before it (see asgi.py)."""

from django.urls import path, re_path

from personalization.rest import events, profiles
from personalization.rest.resource import Nowhere

urlpatterns = [
    path("events", events.Events.as_view()),
    path("profiles", profiles.Profiles.as_view()),
    path("profiles/<str:id>", profiles.Profile.as_view()),
    path("profiles/<str:id>/events", profiles.ProfileEvents.as_view()),
    path("profiles/<str:id>/transactions", profiles.ProfileTransactions.as_view()),
    re_path("", Nowhere.as_view()),
]
