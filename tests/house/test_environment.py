"""Values of the environment: empty ones count as none, impossible ones are refused by name, secrets never quoted."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from personalization.environment import (
    POSTGRES_SCHEMES,
    REDIS_SCHEMES,
    read_flag,
    read_level,
    read_list,
    read_number,
    read_seconds,
    read_some,
    read_text,
    read_url,
    read_zone,
)


def number() -> int:
    return read_number("PZ_TRY", 8, most=1_024)


def seconds() -> float:
    return read_seconds("PZ_TRY", 1.0, most=60)


def flag() -> bool:
    return read_flag("PZ_TRY", True)


def level() -> str:
    return read_level("PZ_TRY", "WARNING")


def zone() -> str:
    return read_zone("PZ_TRY", "UTC")


def database() -> str:
    return read_url("PZ_TRY", POSTGRES_SCHEMES, "database")


def redis() -> str:
    return read_url("PZ_TRY", REDIS_SCHEMES, "0")


@pytest.mark.parametrize(
    ("read", "default"),
    [(number, 8), (seconds, 1.0), (flag, True), (level, "WARNING"), (zone, "UTC"), (database, ""), (redis, "")],
)
@pytest.mark.parametrize("given", [None, "", "  "])
def test_nothing_means_the_default(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any], default: Any, given: str | None
) -> None:
    if given is None:
        monkeypatch.delenv("PZ_TRY", raising=False)
    else:
        monkeypatch.setenv("PZ_TRY", given)
    assert read() == default


@pytest.mark.parametrize(
    ("read", "given", "meant"),
    [
        (number, " 12 ", 12),
        (number, "1024", 1_024),
        (seconds, "0.25", 0.25),
        (flag, "Off", False),
        (flag, "1", True),
        (level, "info", "INFO"),
        (zone, "Europe/Amsterdam", "Europe/Amsterdam"),
        (
            database,
            "postgresql://u:p@db.example/shop?sslmode=require",
            "postgresql://u:p@db.example/shop?sslmode=require",
        ),
        (redis, "rediss://:p@[::1]:6380/2", "rediss://:p@[::1]:6380/2"),
    ],
)
def test_what_is_meant_is_read(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], object], given: str, meant: object
) -> None:
    monkeypatch.setenv("PZ_TRY", given)
    assert read() == meant


@pytest.mark.parametrize(
    ("read", "given"),
    [
        *((number, given) for given in ("abc", "0", "-3", "1025", "1.5", "8 9", "0x10")),
        *((seconds, given) for given in ("abc", "0", "-1", "61", "nan", "inf")),
        *((flag, given) for given in ("maybe", "2")),
        (level, "loud"),
        *((zone, given) for given in ("Mars/Base", "../etc/passwd", "/etc")),
        *((database, given) for given in ("hidden", "mysql://u:hidden@h/x", "postgres://u:hidden@h:abc/x")),
        *((database, given) for given in ("postgres:///x", "postgres://u:hidden@h:0/x", "postgres://u:hidden@[h/x")),
        *((redis, given) for given in ("hidden", "http://:hidden@h/0", "redis://:hidden@h:x/0")),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any], given: str
) -> None:
    monkeypatch.setenv("PZ_TRY", given)
    with pytest.raises(ImproperlyConfigured) as refused:
        read()
    sentence = str(refused.value)
    assert sentence.startswith(("PZ_TRY is ", "PZ_TRY has the form "))
    assert "hidden" not in sentence
    assert "\n" not in sentence


def test_lists_are_read_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PZ_TRY", "a.example, b.example,,")
    assert read_list("PZ_TRY", "c") == ["a.example", "b.example"]
    monkeypatch.delenv("PZ_TRY")
    assert read_list("PZ_TRY", "c") == ["c"]
    assert read_text("PZ_TRY", "c") == "c"


def test_some_of_a_choice_are_read_and_others_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_some("PZ_TRY", "", ("owner", "viewer")) == frozenset()
    monkeypatch.setenv("PZ_TRY", "Owner, viewer")
    assert read_some("PZ_TRY", "", ("owner", "viewer")) == {"owner", "viewer"}
    monkeypatch.setenv("PZ_TRY", "owner,root")
    with pytest.raises(ImproperlyConfigured, match="PZ_TRY is some of owner, viewer; not 'root'"):
        read_some("PZ_TRY", "", ("owner", "viewer"))
