"""What the environment says besides what the organisation chooses, in plain words, with the name of each setting."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalization.checkup_parts import say_bytes
from profiles.writing import write_number


@dataclass(frozen=True)
class Said:
    """One setting: what it is, what it says now, what follows from it."""

    setting: str
    label: str
    value: Any
    says: str


@dataclass(frozen=True)
class Group:
    key: str
    title: str
    icon: str
    rows: tuple[Said, ...]


def list_groups() -> Iterator[Group]:
    yield Group("devices", _("Devices"), "smartphone", _list_devices())
    yield Group("memory", _("What is remembered"), "archive", _list_memory())
    yield Group("limits", _("Limits"), "filter", _list_limits())


def _list_devices() -> tuple[Said, ...]:
    devices = (
        ("PZ_DEVICE_TRAITS", _("Traits that devices may know"), _("Conditions on the device may ask for them.")),
        ("PZ_DEVICE_EVENTS", _("Events that devices may know"), _("How often and when each happened.")),
        (
            "PZ_DEVICE_PROPERTIES",
            _("Properties that devices may know"),
            _("Of these events; never one that is private."),
        ),
    )
    return tuple(
        Said(name, label, ", ".join(getattr(settings, name)) or _("none"), says) for name, label, says in devices
    )


def _list_memory() -> tuple[Said, ...]:
    return (
        Said(
            "PZ_HISTORY_LIMIT",
            _("Events of one name in a profile"),
            settings.PZ_HISTORY_LIMIT,
            _("Beyond it the oldest are counted, and not remembered one by one."),
        ),
        Said(
            "PZ_DEDUP_HOURS",
            _("Memory for doubles"),
            ngettext("%(count)d hour", "%(count)d hours", settings.PZ_DEDUP_HOURS) % {"count": settings.PZ_DEDUP_HOURS},
            _("The same message sent again within it counts once."),
        ),
    )


def _list_limits() -> tuple[Said, ...]:
    return (
        Said(
            "PZ_MAX_EVENT_BYTES",
            _("Size of an event"),
            say_bytes(settings.PZ_MAX_EVENT_BYTES),
            _("A larger one is refused."),
        ),
        Said(
            "PZ_MAX_BATCH_BYTES",
            _("Size of a batch"),
            say_bytes(settings.PZ_MAX_BATCH_BYTES),
            _("A larger one is refused."),
        ),
        Said(
            "PZ_MAX_LIST_BYTES",
            _("Size of an uploaded list"),
            say_bytes(settings.PZ_MAX_LIST_BYTES),
            _("Of ids or codes, once it is unpacked."),
        ),
        Said(
            "PZ_VISITOR_CALLS",
            _("Calls of one visitor"),
            _calls(settings.PZ_VISITOR_CALLS),
            _("By address; events are not counted."),
        ),
        Said(
            "PZ_KEY_CALLS", _("Calls of one key"), _calls(settings.PZ_KEY_CALLS), _("Each secret key and OAuth client.")
        ),
        Said(
            "PZ_MAX_SOCKETS",
            _("Open pages"),
            write_number(settings.PZ_MAX_SOCKETS),
            _("For each web process; further ones send by POST."),
        ),
        Said(
            "PZ_DECIDE_DEADLINE_MS",
            _("Patience of a page"),
            _("%(count)d ms") % {"count": settings.PZ_DECIDE_DEADLINE_MS},
            _("A decision that takes longer is “timeout”, and the page keeps its own content."),
        ),
    )


def _calls(count: int) -> str:
    return _("%(count)s a minute") % {"count": write_number(count)} if count else _("as many as one likes")
