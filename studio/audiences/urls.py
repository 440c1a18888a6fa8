"""Which address leads to which page of audiences."""

from django.urls import path

from studio.audiences import builds, editing, history, members, removing, snapshots, uploads, views
from studio.history import show_restore

urlpatterns = [
    path("", views.show_audiences, name="audiences"),
    path("new/", editing.show_audience_new, name="audience_new"),
    path("removed/", removing.show_removed, name="audiences_removed"),
    path("<slug:slug>/", editing.show_audience, name="audience"),
    path("<slug:slug>/history/", history.show_history, name="audience_history"),
    path("<slug:slug>/compare/", history.show_comparison, name="audience_compare"),
    path("<slug:slug>/restore/<int:number>/", show_restore, {"kind": "segment"}, name="audience_restore"),
    path("<slug:slug>/remove/", removing.show_remove, name="audience_remove"),
    path("<slug:slug>/upload/", uploads.show_upload, name="audience_upload"),
    path("<slug:slug>/uploads/", uploads.show_uploads, name="audience_uploads"),
    path("<slug:slug>/uploads/<int:number>/refused.csv", uploads.show_refused, name="audience_refused_rows"),
    path("<slug:slug>/uploads/<int:number>/undo/", uploads.show_undo, name="audience_upload_undo"),
    path("<slug:slug>/changes/", members.show_changes, name="audience_changes"),
    path("<slug:slug>/sizes/", members.show_sizes, name="audience_sizes"),
    path("<slug:slug>/export/", members.show_export, name="audience_export"),
    path("<slug:slug>/freeze/", snapshots.show_freeze, name="audience_freeze"),
    path("<slug:slug>/cohorts/", snapshots.show_cohorts, name="audience_cohorts"),
    path("<slug:slug>/preview/", members.show_preview, name="audience_preview"),
    path("<slug:slug>/build/", builds.show_build, name="audience_build"),
    path("<slug:slug>/build/<int:number>/cancel/", builds.show_cancel, name="audience_build_cancel"),
    path("<slug:slug>/build/<int:number>/again/", builds.show_again, name="audience_build_again"),
]
