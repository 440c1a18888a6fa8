"""Which address leads to which page of offers."""

from django.urls import path

from studio.history import show_history
from studio.offers import codes, views

urlpatterns = [
    path("", views.show_offers, name="offers"),
    path("new/", views.show_offer_new, name="offer_new"),
    path("<slug:slug>/", views.show_offer, name="offer"),
    path("<slug:slug>/claimed/", views.show_claims, name="offer_claims"),
    path("<slug:slug>/upload/", codes.show_upload, name="offer_upload"),
    path("<slug:slug>/upload/progress/", codes.show_progress, name="offer_upload_progress"),
    path("<slug:slug>/generate/", codes.show_generate, name="offer_generate"),
    path("<slug:slug>/withdraw/", codes.show_withdraw, name="offer_withdraw"),
    path("<slug:slug>/history/", show_history, {"kind": "offer"}, name="offer_history"),
    path("<slug:slug>/remove/", views.remove_offer, name="offer_remove"),
]
