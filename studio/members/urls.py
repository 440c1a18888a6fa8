"""Which address leads to which page of members."""

from django.urls import path

from studio.members import views

urlpatterns = [
    path("", views.show_members, name="members"),
]
