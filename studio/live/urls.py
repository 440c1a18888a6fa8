"""Which address leads to which page of live."""

from django.urls import path

from studio.live import catalogue, dead_letters, event_types, views

urlpatterns = [
    path("", views.show_live, name="live"),
    path("catalogue/", catalogue.show_catalogue, name="catalogue"),
    path("catalogue/new/", catalogue.show_new_event, name="event_new"),
    path("catalogue/<int:pk>/", event_types.show_event, name="event_type"),
    path("catalogue/<int:pk>/sample/", event_types.show_sample, name="event_sample"),
    path("catalogue/<int:pk>/property/", event_types.choose, name="event_property"),
    path("catalogue/<int:pk>/declare/", event_types.declare, name="event_declare"),
    path("catalogue/<int:pk>/recalls/", event_types.show_recalls, name="event_recalls"),
    path("catalogue/<int:pk>/recalls/<int:number>/cancel/", event_types.cancel_recall, name="event_recall_cancel"),
    path("catalogue/<int:pk>/remove/", event_types.remove, name="event_remove"),
    path("dead-letters/", dead_letters.show_dead_letters, name="dead_letters"),
    path("dead-letters/replay/", dead_letters.replay, name="dead_letters_replay"),
    path("dead-letters/<int:pk>/", dead_letters.show_dead_letter, name="dead_letter"),
]
