"""Which address leads to which page of offers."""

from django.urls import path

from studio.offers import views

urlpatterns = [
    path("", views.show_offers, name="offers"),
    path("new/", views.show_offer_new, name="offer_new"),
    path("<slug:slug>/", views.show_offer, name="offer"),
]
