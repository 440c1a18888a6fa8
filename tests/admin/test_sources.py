"""Sources and their keys: made, limited and ended by operators, and obeyed by the doors through the directory."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from ingestion.actions import create_secret_key, create_source
from ingestion.directory import Directory
from ingestion.models import Outcome, SecretKey, Source
from ingestion.queries import build_directory, newest_directory, to_json
from ingestion.scopes import MEANINGS
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db
SOURCES = "/admin/ingestion/source/"
NOW = 1_800_000_000_000


@pytest.fixture
def shop() -> Source:
    return create_source(slug="shop", name="Shop")


def page_of(source: Source, action: str = "change") -> str:
    return f"{SOURCES}{source.pk}/{action}/"


def published() -> Any:
    newest = newest_directory()
    assert newest is not None
    return newest[1]


def in_force() -> Directory:
    """What the doors obey, as soon as it is announced."""
    directory = build_directory()
    assert published() == to_json(directory)
    return directory


def test_a_new_source_gets_its_key_and_is_known_to_the_doors() -> None:
    form = {"name": "Blog", "slug": "blog", "kind": "site", "origins": "https://blog.example/\nhttps://*.blog.example"}
    sign_in_owner().post(f"{SOURCES}add/", form)
    source = Source.objects.get()
    allowed = in_force().source_of(source.write_key)
    assert allowed is not None
    assert allowed.origins == ("https://blog.example", "https://*.blog.example")


def test_an_edited_source_keeps_its_slug_and_key(shop: Source) -> None:
    form = {"name": "Shop two", "slug": "other", "write_key": "mine", "kind": "app", "origins": "", "strict": "on"}
    sign_in_owner().post(page_of(shop), form)
    allowed = in_force().source_of(shop.write_key)
    assert allowed is not None
    assert (allowed.slug, allowed.name, allowed.strict) == ("shop", "Shop two", True)


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/cart", "https://*", "https://a b"])
def test_what_is_no_origin_is_refused_and_nothing_typed_is_lost(origin: str) -> None:
    form = {"name": "Blog", "slug": "blog", "kind": "site", "origins": f"https://ok.example\n{origin}"}
    page = sign_in_owner().post(f"{SOURCES}add/", form).content.decode()
    assert f"“{origin}” " in page
    assert f"https://ok.example\n{origin}</textarea>" in page
    assert not Source.objects.exists()


def test_a_removed_source_is_unknown_to_the_doors(shop: Source) -> None:
    sign_in_owner().post(page_of(shop, "delete"), {"post": "yes"})
    assert in_force().source_of(shop.write_key) is None
    other = create_source(slug="other", name="Other")
    sign_in_owner().post(SOURCES, {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"})
    assert in_force().sources == {}


def test_the_write_key_is_rotated_after_a_question(shop: Source) -> None:
    owner = sign_in_owner()
    assert "refused within a second" in owner.get(page_of(shop, "rotate")).content.decode()
    assert Source.objects.get().write_key == shop.write_key
    owner.post(page_of(shop, "rotate"))
    directory = in_force()
    assert directory.source_of(shop.write_key) is None
    assert directory.source_of(Source.objects.get().write_key) is not None
    assert "Rotated" in LogEntry.objects.get().change_message


def test_a_secret_key_is_shown_once_and_kept_nowhere(shop: Source) -> None:
    owner = sign_in_owner()
    assert not SecretKey.objects.exists()
    form = {"name": "checkout", "scopes": ["decide", "profiles:read"], "expires": "2090-01-01T10:00"}
    answer = owner.post(page_of(shop, "secret-key"), form)
    found = re.search(r"sk_[\w-]{40,}", answer.content.decode())
    assert found is not None
    assert "no-store" in answer["cache-control"]
    secret = in_force().secret(found[0], NOW)
    assert secret is not None
    assert (secret.source, secret.scopes) == ("shop", ("decide", "profiles:read"))
    assert secret.expires is not None and in_force().secret(found[0], secret.expires) is None
    assert found[0] not in owner.get(page_of(shop)).content.decode()
    assert found[0] not in str(SecretKey.objects.values().get()) + LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"name": "checkout"},
        {"scopes": ["decide"]},
        {"name": "checkout", "scopes": ["everything"]},
        {"name": "checkout", "scopes": ["decide"], "expires": "2001-01-01T10:00"},
    ],
)
def test_a_key_needs_a_name_a_scope_there_is_and_a_future(shop: Source, form: dict[str, Any]) -> None:
    answer = sign_in_owner().post(page_of(shop, "secret-key"), form)
    assert answer.status_code == 200 and "errorlist" in answer.content.decode()
    assert not SecretKey.objects.exists()


def test_the_page_says_of_each_scope_what_it_is_for(shop: Source) -> None:
    page = sign_in_owner().get(page_of(shop, "secret-key")).content.decode()
    assert [scope for scope, meaning in MEANINGS.items() if f"{scope} – {meaning}" not in page] == []


def test_a_revoked_key_ends(shop: Source) -> None:
    row, key = create_secret_key(shop)
    owner = sign_in_owner()
    page = page_of(shop, f"revoke/{row.pk}")
    assert page in owner.get(page_of(shop)).content.decode()
    owner.get(page)
    assert in_force().secret(key, NOW) is not None
    owner.post(page)
    assert in_force().secret(key, NOW) is None
    assert owner.post(page).status_code == 404


def test_a_key_of_another_source_is_not_found(shop: Source) -> None:
    row, key = create_secret_key(create_source(slug="other", name="Other"))
    assert sign_in_owner().post(page_of(shop, f"revoke/{row.pk}")).status_code == 404
    assert in_force().secret(key, NOW) is not None


@pytest.mark.parametrize("action", ["rotate", "secret-key", "revoke/{}"])
def test_who_may_only_look_changes_no_key(shop: Source, action: str) -> None:
    row, _ = create_secret_key(shop)
    viewer = sign_in("ingestion.view_source", "ingestion.view_secretkey")
    page = page_of(shop, action.format(row.pk))
    assert viewer.get(page).status_code == 403
    assert viewer.post(page).status_code == 403
    looked = viewer.get(page_of(shop)).content.decode()
    assert page not in looked
    assert shop.write_key in looked
    assert (SecretKey.objects.count(), Source.objects.get().write_key) == (1, shop.write_key)


def test_the_snippet_is_ready_to_paste(shop: Source) -> None:
    page = sign_in_owner().get(page_of(shop), HTTP_HOST="127.0.0.1:8000").content.decode()
    line = f'&lt;script async src="http://127.0.0.1:8000/static/tracker/pz.js" data-write-key="{shop.write_key}"'
    assert line in page
    assert "pz-failsafe" in page
    assert "pz.methods" in page


def test_the_page_says_what_became_of_the_events(shop: Source, django_assert_max_num_queries: Any) -> None:
    today = timezone.now().date()
    for outcome, count in (("accepted", 41), ("bad_type", 3)):
        Outcome.objects.create(day=today, source="shop", outcome=outcome, count=count)
    Outcome.objects.create(day=today, source="other", outcome="dead", count=9)
    owner = sign_in_owner()
    with django_assert_max_num_queries(10):
        page = owner.get(page_of(shop)).content.decode()
    assert "<td>accepted</td><td>41</td>" in page
    assert "<td>bad_type</td><td>3</td>" in page
    assert "<td>dead</td>" not in page


def test_saving_what_is_the_same_publishes_nothing(shop: Source) -> None:
    before = newest_directory()
    sign_in_owner().post(page_of(shop), {"name": "Shop", "kind": "site", "origins": ""})
    assert newest_directory() == before


def test_an_unknown_source_is_no_error() -> None:
    assert sign_in_owner().get(f"{SOURCES}999/change/").status_code == 302
    assert sign_in_owner().get(f"{SOURCES}abc/change/").status_code == 302
    assert sign_in_owner().get(f"{SOURCES}999/rotate/").status_code == 404
