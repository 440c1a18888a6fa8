"""The template tag of sites built with Django, before the running web process."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Engine
from django.test import RequestFactory, override_settings

from personalization import client
from personalization.client import asking
from profiles import keys
from profiles.clients import Client
from profiles.event import derive_profile_id
from profiles.profile import Profile, Trait, pack
from tests.doors.conftest import SEGMENTS, WRITE_KEY, Web
from tests.rosters import make_roster

TAGS = Engine(libraries={"personalize": "personalization.client.templatetags.personalize"})
ANNA = Profile(
    id=derive_profile_id("a:anna"),
    traits={"name": Trait("Ann", 1)},
    segments={make_roster(SEGMENTS).answers["viewers"]: 1},
)


@pytest.fixture
def site(web: Web, redis_client: Client) -> Iterator[Web]:
    redis_client.set(keys.profile(ANNA.id), pack(ANNA))
    with override_settings(PERSONALIZE_URL=web.url, PERSONALIZE_WRITE_KEY=WRITE_KEY, PERSONALIZE_TIMEOUT=5):
        yield web


def render(source: str, visitor: str | None = "anna", path: str = "/") -> str:
    request = RequestFactory().get(path)
    if visitor is not None:
        request.COOKIES["pz_id"] = visitor
    page = TAGS.from_string("{% load personalize %}" + source)
    return page.render(Context({"request": request}))


def read_decision(page: str) -> Any:
    found = re.search(r'data-decision="([^"]*)"', page)
    assert found is not None
    return json.loads(html.unescape(found[1]))


@pytest.mark.usefixtures("site")
def test_the_page_comes_with_the_block_in_it(redis_client: Client) -> None:
    page = render('{% personalize "hero" %}')
    assert 'name="hero" data-state="personalized"' in page
    assert page.endswith("<h1>Hello Ann</h1></pz-slot>")
    decision = read_decision(page)
    assert (decision["rule"], decision["block"], decision["slot"]) == (
        "viewers-hero",
        {"slug": "hello", "kind": "html"},
        "hero",
    )
    assert len(decision["decisionId"]) == 32


@pytest.mark.usefixtures("site")
def test_a_block_of_ones_own_is_the_default() -> None:
    page = render('{% personalized "hero" %}<p>Welcome</p>{% endpersonalized %}', visitor=None)
    assert 'data-state="default"' in page and page.endswith("<p>Welcome</p></pz-slot>")


@pytest.mark.usefixtures("site")
def test_a_page_that_draws_its_content_itself_gets_it_as_data() -> None:
    assert render('{% personalize_json "bar" as bar %}{{ bar.text }}') == "plain"


def test_the_slots_of_a_page_are_asked_for_in_one_call(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bytes] = []
    post = asking._post

    def count(body: bytes) -> dict[str, Any]:
        calls.append(body)
        return post(body)

    monkeypatch.setattr(asking, "_post", count)
    with override_settings(PERSONALIZE_SLOTS=["hero", "bar"]):
        render('{% personalize "hero" %}{% personalize_json "bar" as bar %}{% personalize "hero" %}', path="/a?b=1")
    [question] = map(json.loads, calls)
    assert question["slots"] == ["hero", "bar"]
    assert question["context"]["page"]["url"] == "http://testserver/a?b=1"


@pytest.mark.parametrize("broken", [{"PERSONALIZE_URL": "http://127.0.0.1:1"}, {"PERSONALIZE_WRITE_KEY": "wrong"}])
@pytest.mark.usefixtures("site")
def test_without_an_answer_the_snippet_fills_the_slot(broken: dict[str, str]) -> None:
    with override_settings(**broken):
        page = render('{% personalized "hero" %}<p>Welcome</p>{% endpersonalized %}')
    assert page == '<pz-slot name="hero"><p>Welcome</p></pz-slot>'


def test_the_folder_can_be_copied_to_a_site_that_has_nothing_else_of_the_product() -> None:
    folder = Path(client.__file__).parent
    imports = [
        line for file in folder.rglob("*.py") for line in file.read_text().splitlines() if "personalization." in line
    ]
    assert imports and all("personalization.client" in line for line in imports)
