"""Which address leads to which page of setup."""

from django.urls import path

from studio.setup import views

urlpatterns = [
    path("", views.show_set_up, name="set_up"),
    path("sources/", views.show_sources, name="sources"),
    path("sources/<slug:slug>/", views.show_source, name="source"),
    path("health/", views.show_health, name="health"),
]
