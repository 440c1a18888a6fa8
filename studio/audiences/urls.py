"""Which address leads to which page of audiences."""

from django.urls import path

from studio.audiences import views

urlpatterns = [
    path("", views.show_audiences, name="audiences"),
    path("new/", views.show_audience_new, name="audience_new"),
    path("<slug:slug>/", views.show_audience, name="audience"),
]
