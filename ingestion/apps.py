"""The Django application `ingestion`."""

from django.apps import AppConfig


class IngestionConfig(AppConfig):
    name = "ingestion"
