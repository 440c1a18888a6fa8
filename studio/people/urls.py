"""Which address leads to which page of people."""

from django.urls import path

from studio.people import views

urlpatterns = [
    path("", views.show_people, name="people"),
    path("<uuid:id>/", views.show_person, name="person"),
]
