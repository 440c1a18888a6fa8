"""The Django application `studio`: the pages of marketers, analysts and developers."""

from django.apps import AppConfig


class StudioConfig(AppConfig):
    name = "studio"
