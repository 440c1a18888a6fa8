"""Which address leads to which page of the people who work here."""

from django.urls import path

from studio.members import views

urlpatterns = [
    path("", views.show_members, name="members"),
    path("new/", views.show_member_new, name="member_new"),
    path("<int:pk>/", views.show_member, name="member"),
    path("<int:pk>/link/", views.show_member_link, name="member_link"),
    path("<int:pk>/help/", views.help_member, name="member_help"),
]
