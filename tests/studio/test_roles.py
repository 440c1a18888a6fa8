"""Every page of the Studio for every role: who may do what it needs comes in, others are told, strangers sign in."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from studio.models import Member
from studio.roles import ABILITIES, Ability
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db

OPEN = {"sign_in", "sign_in_code", "sign_out", "welcome", "catalog"}  # for whoever is not signed in
PLACES = {"slug": "nothing", "id": "00000000-0000-0000-0000-000000000000", "number": 1, "kind": "rule", "pk": 1}


def list_views() -> Iterator[tuple[str, str, Any]]:
    """(name, path with made-up places, view) of each page."""
    studio = next(each for each in get_resolver().url_patterns if str(each.pattern) == "studio/")
    yield from _walk(studio, "/")


def _walk(part: URLPattern | URLResolver, beginning: str) -> Iterator[tuple[str, str, Any]]:
    path = beginning + str(part.pattern)
    if isinstance(part, URLResolver):
        for each in part.url_patterns:
            yield from _walk(each, path)
        return
    for name, converter in part.pattern.converters.items():
        where = f"<{next(kind for kind, made in _converters().items() if isinstance(converter, made))}:{name}>"
        path = path.replace(where, str(PLACES.get(name, PLACES["slug"])))
    yield str(part.name), path, part.callback


def _converters() -> dict[str, type]:
    from django.urls.converters import get_converters

    return {name: type(made) for name, made in get_converters().items()}


VIEWS = sorted(list_views(), key=lambda each: each[1])
GUARDED = [(name, path, view) for name, path, view in VIEWS if name not in OPEN]


def test_every_page_says_what_it_needs() -> None:
    assert len(GUARDED) > 150
    assert [path for _, path, view in GUARDED if not isinstance(getattr(view, "ability", None), Ability)] == []


@pytest.mark.parametrize("role", [role.value for role in Member.Role])
def test_a_role_comes_in_where_it_may(role: str, redis_client: Any) -> None:
    member, wrong = sign_in(role), []
    for _name, path, view in GUARDED:
        status = member.get(path).status_code
        if (status == 403) is (view.ability in ABILITIES[role]) or status >= 500:
            wrong.append(f"{path} ({view.ability}): {status}")
    assert wrong == []


def test_a_stranger_is_sent_to_sign_in() -> None:
    stranger = Client()
    for _name, path, _view in GUARDED:
        answer = stranger.get(path)
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/studio/sign-in/?next="), path
        part = stranger.get(path, headers={"HX-Request": "true"})
        assert (part.status_code, part["HX-Redirect"]) == (401, "/studio/sign-in/"), path
