"""Which address leads to which part of a block's preview."""

from django.urls import path

from studio.blocks import people, preview, tags

urlpatterns = [
    path("", preview.show_preview, name="block_preview"),
    path("people/", people.show_people, name="block_people"),
    path("tags/", tags.show_tags, name="block_tags"),
    path("<slug:seat>/", preview.show_frame, name="block_frame"),
]
