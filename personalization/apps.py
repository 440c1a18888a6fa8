"""The Django application `personalization`."""

from django.apps import AppConfig


class PersonalizationConfig(AppConfig):
    name = "personalization"

    def ready(self) -> None:
        from personalization import checks  # noqa: F401  # registers itself; Django's apps have to be there first
