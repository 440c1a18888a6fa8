"""Which address leads to which page of live."""

from django.urls import path

from studio.live import views

urlpatterns = [
    path("", views.show_live, name="live"),
    path("catalogue/", views.show_catalogue, name="catalogue"),
    path("dead-letters/", views.show_dead_letters, name="dead_letters"),
]
