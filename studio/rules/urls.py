"""Which address leads to which page of rules."""

from django.urls import path

from studio.rules import views

urlpatterns = [
    path("", views.show_rules, name="rules"),
    path("rules/new/", views.show_rule_new, name="rule_new"),
    path("rules/<slug:slug>/", views.show_rule, name="rule"),
    path("slots/", views.show_slots, name="slots"),
    path("slots/new/", views.show_slot_new, name="slot_new"),
    path("slots/<slug:slug>/", views.show_slot, name="slot"),
]
