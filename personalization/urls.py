"""Everything that goes through Django; the hot doors stand before it (see asgi.py)."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from personalization.admin_decisions import show_decision, show_decisions
from personalization.admin_health import show_health, show_segment_health
from personalization.admin_people import show_erase, show_export
from personalization.admin_preview import show_preview
from personalization.admin_visit import show_visit
from personalization.front import show_front

handler404 = "studio.failures.answer_missing"  # by name, as nothing here imports the Studio
handler500 = "studio.failures.answer_failure"

admin.autodiscover()  # here, and not as each process starts: most have no pages

urlpatterns = [
    path("admin/segments/segment/preview/", admin.site.admin_view(show_preview), name="segments_preview"),
    path("admin/segments/segment/health/", admin.site.admin_view(show_health), name="segments_health"),
    path(
        "admin/segments/segment/health/<slug:slug>/",
        admin.site.admin_view(show_segment_health),
        name="segments_segment_health",
    ),
    path("admin/profiles/storedprofile/<uuid:id>/export/", admin.site.admin_view(show_export), name="people_export"),
    path("admin/profiles/storedprofile/<uuid:id>/erase/", admin.site.admin_view(show_erase), name="people_erase"),
    path("admin/rules/decisions/", admin.site.admin_view(show_decisions), name="rules_decisions"),
    path("admin/rules/decisions/<uuid:id>/", admin.site.admin_view(show_decision), name="rules_decision"),
    path("admin/rules/visit/", admin.site.admin_view(show_visit), name="rules_visit"),
    # One way in for everybody: the second step is asked of operators too.
    path("admin/login/", RedirectView.as_view(pattern_name="studio:sign_in", query_string=True)),
    path("admin/", admin.site.urls),
    path("studio/", include("studio.urls")),
    path("api/v1/", include("personalization.rest.urls")),
    path("oauth/", include("personalization.oauth")),
    path("demo/", include("personalization.demo")),
    path("", show_front),
]
