"""What the editor of conditions asks while somebody types."""

from django.urls import path

from studio.conditions import views

urlpatterns = [
    path("look/", views.look, name="condition_look"),
    path("who/", views.who, name="condition_who"),
    path("facts/", views.show_facts, name="condition_facts"),
    path("values/", views.show_values, name="condition_values"),
    path("people/", views.show_found, name="condition_people"),
]
