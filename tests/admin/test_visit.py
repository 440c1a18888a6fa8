"""The page that makes a link to the site as somebody sees it."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from profiles.models import StoredProfile
from tests.admin.operators import sign_in

PAGE = "/admin/rules/visit/"
ANNA = "00000000-0000-5000-8000-000000000001"

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> None:
    now = timezone.now()
    StoredProfile.objects.create(id=ANNA, user_id="u1", first_seen=now, last_seen=now, state=b"", updated=now)


def ask(client: Client, **fields: str) -> str:
    return client.post(PAGE, fields).content.decode()


@pytest.mark.usefixtures("anna")
def test_a_link_is_made_for_a_person_and_for_somebody_unknown() -> None:
    client = sign_in("rules.view_book", "profiles.view_storedprofile")
    for person in ("u1", ANNA, ""):
        page = ask(client, url="https://shop.example/", person=person, at="2026-01-01T10:00")
        assert re.search(r'href="https://shop\.example/\?pz_visit=[\w-]{40,}"', page)


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "javascript:alert(1)"}, "Enter a valid URL"),
        ({"url": "ftp://shop.example/"}, "address of a web page"),
        ({"url": "https://shop.example/", "person": "nobody"}, "Nobody is known"),
        ({"url": "https://shop.example/", "at": "soon"}, "Enter a valid date/time"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, str], said: str) -> None:
    client = sign_in("rules.view_book", "profiles.view_storedprofile")
    page = ask(client, **fields)
    assert said in page and "pz_visit=" not in page


def test_it_takes_the_right_to_look_at_people() -> None:
    client = sign_in("rules.view_book")
    assert client.get(PAGE).status_code == 403
