"""Reading the environment: a value that cannot be meant is refused in one sentence, which never quotes a secret."""

import os
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

ON = ("1", "true", "yes", "on")
OFF = ("0", "false", "no", "off")
ROLES = ("viewer", "marketer", "publisher", "analyst", "developer", "owner")  # of members (studio.models)
LOG_FORMATS = ("auto", "json", "text")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MOST_PARTITIONS = 1_024
POSTGRES_SCHEMES = ("postgres", "postgresql")
REDIS_SCHEMES = ("redis", "rediss")
PAGE_SCHEMES = ("http", "https")


def read_text(name: str, default: str) -> str:
    """The value without the space around it; an empty one is none."""
    return os.environ.get(name, "").strip() or default


def read_list(name: str, default: str) -> list[str]:
    """Items between commas."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def read_flag(name: str, default: bool) -> bool:
    text = read_text(name, str(default)).lower()
    if text not in ON + OFF:
        raise ImproperlyConfigured(f"{name} is one of {', '.join(ON)}, or {', '.join(OFF)}; not {text!r}.")
    return text in ON


def read_number(name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
    """A whole number from `least` to `most`."""
    text = read_text(name, str(default))
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ImproperlyConfigured(f"{name} is a whole number {bounds}; not {text!r}.")
    return number


def read_seconds(name: str, default: float, *, most: float) -> float:
    """Seconds, more than none and at most `most`."""
    text = read_text(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= most:  # neither is what is no number
        raise ImproperlyConfigured(f"{name} is a number of seconds above 0, at most {most:g}; not {text!r}.")
    return seconds


def read_ports(name: str, default: str) -> list[int]:
    """Numbers of ports between commas."""
    items = read_list(name, default)
    if not all(item.isascii() and item.isdigit() and 0 < int(item[:6]) < 65_536 for item in items):
        raise ImproperlyConfigured(f"{name} is a list of ports from 1 to 65535, such as 80,443; not {items!r}.")
    return [int(item) for item in items]


def read_networks(name: str, default: str) -> list[IPv4Network | IPv6Network]:
    """Networks between commas."""
    items = read_list(name, default)
    try:
        return [ip_network(item) for item in items]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is a list of networks such as 10.1.0.0/16; {error}.") from error


def read_zone(name: str, default: str) -> str:
    text = read_text(name, default)
    try:
        ZoneInfo(text)
    except (OSError, ValueError, LookupError) as error:
        raise ImproperlyConfigured(f"{name} is a time zone such as Europe/Amsterdam; not {text!r}.") from error
    return text


def read_day(name: str, default: str) -> str:
    """A day such as 2026-01-31, "" when none is named."""
    text = read_text(name, default)
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is a day such as 2026-01-31; not {text!r}.") from error


def read_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    text = read_text(name, default).lower()
    if text not in choices:
        raise ImproperlyConfigured(f"{name} is one of {', '.join(choices)}; not {text!r}.")
    return text


def read_some(name: str, default: str, choices: tuple[str, ...]) -> frozenset[str]:
    """Some of them between commas, or none."""
    items = frozenset(map(str.lower, read_list(name, default)))
    if unknown := sorted(items.difference(choices)):
        raise ImproperlyConfigured(f"{name} is some of {', '.join(choices)}; not {unknown[0]!r}.")
    return items


def read_level(name: str, default: str) -> str:
    text = read_text(name, default)
    if text.upper() not in LEVELS:
        raise ImproperlyConfigured(f"{name} is one of {', '.join(LEVELS)}; not {text!r}.")
    return text.upper()


def read_url(name: str, schemes: tuple[str, ...], path: str) -> str:
    """The address of a server, "" when none is named. It may hold a password, so that it is never quoted."""
    text = read_text(name, "")
    if text and not _is_address(text, schemes):
        raise ImproperlyConfigured(f"{name} has the form {schemes[0]}://user:password@host:port/{path}; it has not.")
    return text


def read_page(name: str, default: str) -> str:
    """The address of a page without its last slash, "" when none is named."""
    text = read_text(name, default).rstrip("/")
    if text and (not _is_address(text, PAGE_SCHEMES) or "?" in text or "#" in text):
        raise ImproperlyConfigured(f"{name} is an address such as https://engine.example; not {text!r}.")
    return text


def _is_address(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or a bracket is missing
        return False
