"""Which address leads to which page of overview."""

from django.urls import path

from studio.overview import views

urlpatterns = [
    path("", views.show_overview, name="overview"),
]
