"""Which address leads to which page of rules and slots."""

from django.urls import path

from studio import history
from studio.rules import about_views, calendar_views, list_views, rule_views, slot_views

urlpatterns = [
    path("", list_views.show_rules, name="rules"),
    path("rules/new/", rule_views.show_rule_new, name="rule_new"),
    path("rules/<slug:slug>/", rule_views.show_rule, name="rule"),
    path("slots/", slot_views.show_slots, name="slots"),
    path("slots/new/", slot_views.show_slot_new, name="slot_new"),
    path("slots/<slug:slug>/", slot_views.show_slot, name="slot"),
    path("rules/<slug:slug>/copy/", rule_views.do_copy, name="rule_copy"),
    path("rules/<slug:slug>/remove/", rule_views.do_remove, name="rule_remove"),
    path("rules/<slug:slug>/live/", rule_views.show_live, name="rule_live"),
    path("rules/<slug:slug>/figures/", about_views.show_rule_figures, name="rule_figures"),
    path("rules/<slug:slug>/preview/", about_views.show_preview, name="rule_preview"),
    path("slots/<slug:slug>/order/", slot_views.do_order, name="slot_order"),
    path("slots/<slug:slug>/pages/", slot_views.show_slot_pages, name="slot_pages"),
    path("slots/<slug:slug>/remove/", slot_views.do_remove_slot, name="slot_remove"),
    path("calendar/", calendar_views.show_calendar, name="rules_calendar"),
    path("removed/", list_views.show_removed, name="rules_removed"),
    path("start/", rule_views.do_start, name="rule_start"),
    path("drafted/", rule_views.show_live, name="rule_new_live"),
    path("figures/", list_views.show_figures, name="rules_figures"),
    path("asked/", slot_views.show_slots_asked, name="slots_asked"),
    path("choices/<slug:kind>/", rule_views.show_choices, name="rule_choices"),
    path("history/<slug:kind>/<slug:slug>/", history.show_alone, name="draft_history"),
    path("history/<slug:kind>/<slug:slug>/<int:number>/", history.show_restore, name="draft_restore"),
]
