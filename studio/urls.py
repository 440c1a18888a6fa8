"""The pages of the Studio, by area; `studio:` and a name finds each."""

from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from studio.overview.palette import show_palette

app_name = "studio"
urlpatterns = [
    path("", include("studio.account.urls")),
    path("", include("studio.overview.urls")),
    path("palette/", show_palette, name="palette"),
    path("catalog.js", JavaScriptCatalog.as_view(packages=["studio"]), name="catalog"),
    path("presence/", include("studio.presence")),
    path("audit/", include("studio.audit.urls")),
    path("audiences/", include("studio.audiences.urls")),
    path("conditions/", include("studio.conditions.urls")),
    path("content/", include("studio.rules.urls")),
    path("content/images/", include("studio.blocks.image_urls")),
    path("content/preview/", include("studio.blocks.preview_urls")),
    path("content/blocks/", include("studio.blocks.urls")),
    path("content/offers/", include("studio.offers.urls")),
    path("content/points/", include("studio.offers.points_urls")),
    path("publish/", include("studio.publish.urls")),
    path("people/", include("studio.people.urls")),
    path("decisions/", include("studio.decisions.urls")),
    path("live/", include("studio.live.urls")),
    path("set-up/members/", include("studio.members.urls")),
    path("set-up/", include("studio.setup.urls")),
]
