"""Which address leads to which page of people."""

from django.urls import path

from studio.people import history, looking, merges, receipts, rights, views

urlpatterns = [
    path("", views.show_people, name="people"),
    path("erasures/", receipts.show_receipts, name="erasures"),
    path("erasures/<uuid:id>/", receipts.show_receipt, name="erasure"),
    path("<uuid:id>/", views.show_person, name="person"),
    path("<uuid:id>/timeline/", history.show_timeline, name="person_timeline"),
    path("<uuid:id>/news/", history.show_news, name="person_news"),
    path("<uuid:id>/events/<slug:at>/<int:number>/", history.show_event, name="person_event"),
    path("<uuid:id>/audiences/", views.show_other, name="person_other"),
    path("<uuid:id>/audiences/<slug:slug>/", views.show_evidence, name="person_evidence"),
    path("<uuid:id>/slots/", looking.show_slots, name="person_slots"),
    path("<uuid:id>/see/", looking.show_visit, name="person_visit"),
    path("<uuid:id>/merges/<int:number>/", merges.show_undo, name="person_merge"),
    path("<uuid:id>/merges/<int:number>/plan/", merges.show_plan, name="person_merge_plan"),
    path("<uuid:id>/merges/<int:number>/state/", merges.show_state, name="person_merge_state"),
    path("<uuid:id>/export/", rights.show_export, name="person_export"),
    path("<uuid:id>/erase/", rights.show_erase, name="person_erase"),
]
