"""`INSTALLED_APPS = [..., "personalization.client"]`."""

from django.apps import AppConfig


class ClientConfig(AppConfig):
    name = "personalization.client"
    label = "personalize"
