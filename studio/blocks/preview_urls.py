"""Which address leads to which part of a block's preview."""

from django.urls import path

from studio.blocks import preview, tags
from studio.people.choosing import show_choice

urlpatterns = [
    path("", preview.show_preview, name="block_preview"),
    path("people/", show_choice, name="person_choice"),
    path("tags/", tags.show_tags, name="block_tags"),
    path("<slug:seat>/", preview.show_frame, name="block_frame"),
]
