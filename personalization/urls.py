"""Everything that goes through Django; the hot doors stand before it (see asgi.py)."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from personalization.admin_preview import show_preview

handler500 = "personalization.failures.answer_failure"

urlpatterns = [
    path("admin/segments/segment/preview/", admin.site.admin_view(show_preview), name="segments_preview"),
    path("admin/", admin.site.urls),
    path("demo/", include("personalization.demo")),
    path("", RedirectView.as_view(url="/demo/")),
]
