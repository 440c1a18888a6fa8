"""What Django checks before it starts: settings that would make answers wrong."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from segments.conditions.language import HISTORY_LIMIT, RETENTION_DAYS

ENGINE = "engine"  # the checks of processes without pages: the others read all of those


@register(ENGINE)
def check_memory(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Profiles have to remember what the condition language lets a marketer ask for."""
    wanted = {"PZ_HISTORY_LIMIT": HISTORY_LIMIT, "PZ_RETENTION_DAYS": RETENTION_DAYS}
    return [
        Error(
            f"{name} is {getattr(settings, name)}, and conditions may ask for {least}.", hint=f"Set at least {least}."
        )
        for name, least in wanted.items()
        if getattr(settings, name) < least
    ]
