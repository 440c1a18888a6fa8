"""What the editor of conditions asks while somebody types."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
