"""Which address leads to which page of blocks."""

from django.urls import path

from studio.blocks import acts, views
from studio.history import show_history

urlpatterns = [
    path("", views.show_blocks, name="blocks"),
    path("new/", views.show_block_new, name="block_new"),
    path("<slug:slug>/", views.show_block, name="block"),
    path("<slug:slug>/history/", show_history, {"kind": "block"}, name="block_history"),
    path("<slug:slug>/copy/", acts.copy_block, name="block_copy"),
    path("<slug:slug>/remove/", acts.remove_block, name="block_remove"),
]
