"""Which address leads to which page of decisions."""

from django.urls import path

from studio.decisions import back_tests, views

urlpatterns = [
    path("", views.show_decisions, name="decisions"),
    path("<uuid:id>/", views.show_decision, name="decision"),
    path("<uuid:id>/explanation/", views.show_explanation, name="decision_explanation"),
    path("back-tests/", back_tests.show_back_tests, name="back_tests"),
    path("back-tests/<int:number>/", back_tests.show_back_test, name="back_test"),
    path("back-tests/<int:number>/state/", back_tests.show_back_test_state, name="back_test_state"),
    path("back-tests/<int:number>/cancel/", back_tests.cancel, name="back_test_cancel"),
]
