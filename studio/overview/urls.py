"""Which address leads to which page of overview."""

from django.urls import path

from studio.overview import views

urlpatterns = [
    path("", views.show_overview, name="overview"),
    path("overview/first-steps/", views.show_first_steps, name="overview_first_steps"),
    path("overview/standing/", views.show_standing, name="overview_standing"),
    path("overview/rules/", views.show_top_rules, name="overview_rules"),
    path("overview/work/", views.show_work, name="overview_work"),
    path("overview/acts/", views.show_acts, name="overview_acts"),
]
