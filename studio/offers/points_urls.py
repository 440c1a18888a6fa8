"""Which address leads to which page of loyalty points."""

from django.urls import path

from studio.offers import points

urlpatterns = [
    path("", points.show_ledger, name="points"),
    path("<uuid:id>/", points.show_points, name="points_of"),
]
