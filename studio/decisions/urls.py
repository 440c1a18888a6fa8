"""Which address leads to which page of decisions."""

from django.urls import path

from studio.decisions import views

urlpatterns = [
    path("", views.show_decisions, name="decisions"),
    path("<uuid:id>/", views.show_decision, name="decision"),
    path("back-tests/", views.show_back_tests, name="back_tests"),
]
