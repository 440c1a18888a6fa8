"""Which address leads to which page of blocks."""

from django.urls import path

from studio.blocks import views

urlpatterns = [
    path("", views.show_blocks, name="blocks"),
    path("new/", views.show_block_new, name="block_new"),
    path("<slug:slug>/", views.show_block, name="block"),
]
