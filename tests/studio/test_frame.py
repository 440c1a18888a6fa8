"""What stands around every page: where the front page leads, what is told of a page that is missing, broken or not for
one's role, and the way to people by Ctrl-K."""

from typing import Any
from uuid import uuid4

import pytest
from django import forms
from django.db import OperationalError
from django.template import loader
from django.test import Client
from django.utils import timezone

from ingestion.models import Source
from personalization import shop
from profiles.models import StoredProfile
from profiles.profile import Profile, pack
from studio.roles import Role
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db

MISSING = "/studio/people/nobody/"


class Wish(forms.Form):
    """As forms are that are no draft: nobody overtakes them."""

    def clean(self) -> None:
        raise forms.ValidationError("It cannot be.")


def test_the_front_page_is_the_demo_shop_or_else_the_studio() -> None:
    assert Client().get("/").headers["location"] == "/studio/"
    Source.objects.create(slug=shop.SOURCE_SLUG, name=shop.SHOP_NAME)
    assert Client().get("/").headers["location"] == "/demo/"


@pytest.mark.parametrize("address", [MISSING, "/studio/content/rules/gone/", "/studio/what-is-this"])
def test_members_are_told_inside_the_frame_that_there_is_no_such_page(address: str) -> None:
    answer = sign_in(Role.VIEWER).get(address)
    assert answer.status_code == 404
    assert "Nothing is at this address" in answer.content.decode()
    assert 'href="/studio/audiences/"' in answer.content.decode()


def test_others_are_told_on_a_plain_page() -> None:
    for client, address in ((Client(), "/studio/what-is-this"), (sign_in(Role.OWNER), "/what-is-this")):
        answer = client.get(address)
        assert answer.status_code == 404
        assert "data-menu" not in answer.content.decode()
        assert "studio.css" in answer.content.decode()


def test_a_part_that_is_missing_is_no_page() -> None:
    answer = sign_in(Role.VIEWER).get(MISSING, headers={"hx-request": "true"})
    assert answer.status_code == 404
    assert "data-menu" not in answer.content.decode()


@pytest.mark.parametrize(("error", "status", "framed"), [(RuntimeError, 500, True), (OperationalError, 503, False)])
def test_a_page_that_breaks_is_told_inside_the_frame(
    error: type[Exception], status: int, framed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error("the inside of it")

    client = sign_in(Role.OWNER)
    client.raise_request_exception = False
    monkeypatch.setattr("studio.overview.palette.list_people", fail)
    answer = client.get("/studio/palette/", {"q": "somebody"})
    assert answer.status_code == status
    assert ("data-menu" in answer.content.decode()) == framed
    assert "the inside of it" not in answer.content.decode()


def test_who_may_not_see_a_page_keeps_the_side_bar_and_reads_which_roles_may() -> None:
    answer = sign_in(Role.DEVELOPER).get("/studio/people/")
    assert answer.status_code == 403
    assert "Marketer, Publisher, Analyst or Owner" in answer.content.decode()
    assert 'href="/studio/live/"' in answer.content.decode()


def test_keys_lead_only_where_the_role_may_go() -> None:
    page = sign_in(Role.VIEWER).get("/studio/").content.decode()
    assert 'data-go="a"' in page
    assert 'data-go="e"' not in page


def test_the_palette_finds_people_by_id_and_by_email_and_masks_their_names() -> None:
    id, now = uuid4(), timezone.now()
    traits = {"email": "ada@example.com", "name": "Ada Lovelace"}
    state = pack(Profile(id=id.hex, user_id="ada"))
    StoredProfile.objects.create(
        id=id, user_id="ada", traits=traits, first_seen=now, last_seen=now, updated=now, state=state
    )
    grantee, analyst = sign_in(Role.ANALYST, personal=True), sign_in(Role.ANALYST)
    for words in ("ada", "ADA@example.com"):
        assert "Ada Lovelace" in grantee.get("/studio/palette/", {"q": words}).content.decode()
        masked = analyst.get("/studio/palette/", {"q": words}).content.decode()
        assert "/studio/people/" in masked
        assert "Ada Lovelace" not in masked
    assert "/studio/people/" not in sign_in(Role.DEVELOPER).get("/studio/palette/", {"q": "ada"}).content.decode()


def test_only_drafts_ask_whether_to_look_at_what_somebody_else_has_saved() -> None:
    plain, overtaken = Wish({}), Wish({})
    overtaken.overtaken_by = 0  # type: ignore[attr-defined]
    pages = [loader.get_template("studio/parts/errors.html").render({"form": each}) for each in (plain, overtaken)]
    assert all("It cannot be." in page for page in pages)
    assert [page.count("seen_version") for page in pages] == [0, 1]
