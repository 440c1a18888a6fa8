"""Sources, keys and clients in the Studio: made, limited, ended, obeyed by the doors; no secret in the trail."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oauth2_provider.models import Application

from ingestion.actions import create_oauth_client, create_secret_key, create_source
from ingestion.directory import Directory
from ingestion.models import OAuthClient, Outcome, Refusal, SecretKey, Source
from ingestion.queries import build_directory, newest_directory, to_json
from ingestion.refusals import Refused
from ingestion.scopes import Scope
from profiles.models import AuditEntry
from studio.setup.organisation import list_groups
from studio.setup.words import ADVICE, KINDS, SCOPES
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db
SOURCES = "/studio/set-up/sources/"
CLIENTS = "/studio/set-up/clients/"


@pytest.fixture
def shop() -> Source:
    return create_source(slug="shop", name="Shop")


def in_force() -> Directory:
    """What the doors obey, as soon as it is announced."""
    directory, newest = build_directory(), newest_directory()
    assert newest is not None and newest[1] == to_json(directory)
    return directory


def read(client: Any, path: str, **more: Any) -> str:
    answer = client.get(path, **more)
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def trail() -> str:
    return json.dumps(list(AuditEntry.objects.values("act", "kind", "subject", "name", "before", "after", "note")))


def save(client: Any, **changes: Any) -> Any:
    """Posts the form of the shop as it was opened, with changes."""
    page = read(client, f"{SOURCES}shop/")
    seen = re.search(r'<input type="hidden" name="seen" value="(\w{16})"[^>]*id="id_seen"', page)
    assert seen is not None
    return client.post(f"{SOURCES}shop/", {"name": "Shop", "kind": "site", "origins": "", "seen": seen[1], **changes})


def test_words_are_said_of_every_kind_and_scope() -> None:
    assert set(KINDS) == set(Source.Kind.values)
    assert set(SCOPES) == set(Scope)
    assert set(ADVICE) <= set(Refused)


def test_three_questions_make_a_source_that_the_doors_know() -> None:
    owner = sign_in("developer")
    answer = owner.post(f"{SOURCES}new/", {"name": "My Shop!", "kind": "site", "address": "Shop.example"})
    source = Source.objects.get()
    assert answer["Location"] == f"{SOURCES}my-shop/"
    allowed = in_force().source_of(source.write_key)
    assert allowed is not None and allowed.origins == ("https://shop.example",)
    entry = AuditEntry.objects.get()
    assert (entry.act, entry.kind, entry.subject, entry.name) == ("made", "source", "my-shop", "My Shop!")
    assert source.write_key not in trail()


@pytest.mark.parametrize("name", ["new", "New", "Shop", "!!!", "日本"])
def test_a_name_never_takes_the_address_of_another(name: str, shop: Source) -> None:
    sign_in("developer").post(f"{SOURCES}new/", {"name": name, "kind": "server"})
    made = Source.objects.exclude(pk=shop.pk).get()
    assert made.slug not in ("new", "shop", "") and made.slug.strip("-_")


def test_a_bad_address_is_refused_and_what_was_typed_is_kept() -> None:
    answer = sign_in("developer").post(f"{SOURCES}new/", {"name": "Blog", "kind": "app", "address": "https://a b"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "more than scheme, host and port" in page
    assert 'value="Blog"' in page and re.search(r'value="app" checked', page)
    assert not Source.objects.exists()


def test_settings_are_saved_and_the_trail_says_what_changed(shop: Source) -> None:
    answer = save(sign_in("developer"), name="Shop two", origins="https://a.example\nhttps://*.b.example", strict="on")
    assert answer.status_code == 302
    allowed = in_force().source_of(shop.write_key)
    assert allowed is not None
    assert (allowed.name, allowed.strict, allowed.origins) == (
        "Shop two",
        True,
        ("https://a.example", "https://*.b.example"),
    )
    entry = AuditEntry.objects.get()
    assert entry.before == {"name": "Shop", "origins": [], "strict": False}


def test_the_second_of_two_is_told_and_may_insist(shop: Source) -> None:
    first, second = sign_in("developer"), sign_in("owner")
    page = read(second, f"{SOURCES}shop/")
    seen = re.search(r'name="seen" value="(\w{16})"[^>]*id="id_seen"', page)
    assert seen is not None
    save(first, name="First")
    said = {"name": "Second", "kind": "site", "origins": "", "seen": seen[1]}
    answer = second.post(f"{SOURCES}shop/", said)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Somebody else has changed this" in page and 'value="Second"' in page
    again = re.search(r'name="seen" value="(\w{16})"[^>]*id="id_seen"', page)
    assert again is not None
    second.post(f"{SOURCES}shop/", {**said, "seen": again[1]})
    shop.refresh_from_db()
    assert shop.name == "Second"


def test_rotating_switching_off_and_removing(shop: Source) -> None:
    developer, old = sign_in("developer"), shop.write_key
    _, key = create_secret_key(shop)
    create_oauth_client(name="Mailer", source=shop, scopes=["decide"])
    developer.post(f"{SOURCES}shop/rotate/")
    shop.refresh_from_db()
    assert in_force().source_of(old) is None and in_force().source_of(shop.write_key) is not None
    developer.post(f"{SOURCES}shop/switch/", {"on": "no"})
    off = in_force()
    assert (off.source_of(shop.write_key), off.secret(key, 0), dict(off.clients)) == (None, None, {})
    assert "Switched off" in read(developer, f"{SOURCES}shop/")
    developer.post(f"{SOURCES}shop/switch/", {"on": "yes"})
    on = in_force()
    assert on.source_of(shop.write_key) and on.secret(key, 0) and len(on.clients) == 1
    developer.post(f"{SOURCES}shop/remove/")
    assert not Source.objects.exists() and not OAuthClient.objects.exists()
    said = trail()
    assert [entry.act for entry in AuditEntry.objects.order_by("pk")] == ["changed", "changed", "changed", "removed"]
    assert old not in said and shop.write_key not in said and key not in said


def test_a_secret_key_is_shown_once_and_never_again(shop: Source) -> None:
    developer = sign_in("developer")
    answer = developer.post(f"{SOURCES}shop/keys/new/", {"name": "checkout", "scopes": ["decide", "events"]})
    found = re.search(r"sk_[\w-]{20,}", answer.content.decode())
    assert found is not None and "no-store" in answer["Cache-Control"]
    allowed = in_force().secret(found[0], 0)
    assert allowed is not None and allowed.scopes == ("decide", "events")
    for page in (f"{SOURCES}shop/", "/studio/set-up/keys/"):
        said = read(developer, page)
        assert found[0] not in said and "checkout" in said
    assert found[0] not in trail()
    row = SecretKey.objects.get()
    developer.post(f"{SOURCES}shop/keys/{row.pk}/revoke/")
    assert in_force().secret(found[0], 0) is None
    assert [entry.act for entry in AuditEntry.objects.order_by("pk")] == ["made", "revoked"]
    assert developer.post(f"{SOURCES}shop/keys/{row.pk}/revoke/").status_code == 404


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"name": "x"}, "This field is required"),
        ({"name": "x", "scopes": ["decide"], "expires": "2001-01-01T10:00"}, "That moment has passed"),
        ({"name": "x", "scopes": ["everything"]}, "Select a valid choice"),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused(said: Any, problem: str, shop: Source) -> None:
    answer = sign_in("developer").post(f"{SOURCES}shop/keys/new/", said)
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert not SecretKey.objects.exists()


def test_a_client_is_made_changed_and_removed(shop: Source) -> None:
    developer = sign_in("developer")
    answer = developer.post(f"{CLIENTS}new/", {"name": "Mailer", "source": shop.pk, "scopes": ["decide"]})
    secret = re.search(r"cs_[\w-]{20,}", answer.content.decode())
    client = OAuthClient.objects.get()
    assert secret is not None and client.application.client_id in answer.content.decode()
    assert secret[0] not in read(developer, f"{CLIENTS}{client.pk}/")
    developer.post(f"{CLIENTS}{client.pk}/", {"name": "Mailer", "scopes": ["decide", "email:send"]})
    assert in_force().clients[client.application.client_id].scopes == ("decide", "email:send")
    developer.post(f"{CLIENTS}{client.pk}/remove/")
    assert in_force().clients == {}
    assert [entry.act for entry in AuditEntry.objects.order_by("pk")] == ["made", "changed", "removed"]
    assert secret[0] not in trail()


@pytest.mark.parametrize("role", ["viewer", "marketer", "analyst"])
def test_who_may_not_set_up_looks_and_changes_nothing(role: str, shop: Source) -> None:
    client = sign_in(role)
    page = read(client, f"{SOURCES}shop/")
    assert shop.write_key not in page and "Secret keys" not in page and "Settings" in page
    assert "Shop" in read(client, SOURCES)
    assert client.post(f"{SOURCES}shop/", {"name": "Mine", "kind": "site"}).status_code == 403
    for act in ("rotate", "switch", "remove", "keys/new"):
        assert client.post(f"{SOURCES}shop/{act}/").status_code == 403
    shop.refresh_from_db()
    assert shop.name == "Shop"


def count(source: str, outcome: str, number: int, *, ago: timedelta = timedelta()) -> None:
    at = timezone.now() - ago
    Outcome.objects.create(day=at.date(), source=source, outcome=outcome, count=number, first=at, last=at)


def test_nothing_yet_then_quiet_then_arriving(shop: Source) -> None:
    developer, path = sign_in("developer"), f"{SOURCES}shop/arriving/"
    assert "Waiting for the first event" in read(developer, path)
    count("shop", "accepted", 5, ago=timedelta(days=2))
    assert "Quiet" in read(developer, path)
    count("shop", "accepted", 7)
    page = read(developer, path)
    assert "Events are arriving" in page and ">12<" in page


def test_it_is_silent_while_nothing_has_changed(shop: Source) -> None:
    developer, path = sign_in("developer"), f"{SOURCES}shop/arriving/"
    seen = re.search(r'name="seen" value="(\w+)"', read(developer, path))
    assert seen is not None
    assert developer.get(path, {"seen": seen[1]}).status_code == 204
    count("shop", "accepted", 1)
    assert developer.get(path, {"seen": seen[1]}).status_code == 200


@pytest.mark.parametrize(
    ("source", "reason", "says"),
    [
        ("-", "unknown_key", "Copy it again"),
        ("shop", "origin_refused", "Add it under Settings"),
        ("shop", "broken_json", "The body is not JSON"),
        ("shop", "too_deep", "lies too deep"),
    ],
)
def test_refusals_say_what_to_do(source: str, reason: str, says: str, shop: Source) -> None:
    Refusal.objects.create(source=source, reason=reason, message="lies too deep", sample="", at=timezone.now())
    Refusal.objects.create(
        source="shop", reason="bad_gzip", message="old", sample="", at=timezone.now() - timedelta(hours=2)
    )
    page = read(sign_in("developer"), f"{SOURCES}shop/arriving/")
    assert says in page and "bad_gzip" not in page


def test_the_lines_carry_the_key_and_this_server(shop: Source) -> None:
    page = read(sign_in("developer"), f"{SOURCES}shop/")
    assert f"data-write-key=&quot;{shop.write_key}&quot;" in page
    assert "http://testserver/static/tracker/pz.js" in page
    for line in (f"analytics.write_key = &quot;{shop.write_key}&quot;", f"curl -u {shop.write_key}:"):
        assert line in page


def fill(start: int, end: int) -> None:
    """Sources, each with a key, a client and an event."""
    for number in range(start, end):
        source = Source.objects.create(slug=f"s{number}", name=f"Source {number}", write_key=f"wk{number}")
        SecretKey.objects.create(source=source, name="key", prefix="sk_", sha256=str(number), scopes=["decide"])
        program = Application.objects.create(name=f"Client {number}", client_secret="x", hash_client_secret=False)
        OAuthClient.objects.create(application=program, source=source, scopes=["decide"])
        count(source.slug, "accepted", 1)


def test_lists_ask_no_more_for_more_rows(django_assert_num_queries: Any) -> None:
    developer = sign_in("developer")
    fill(0, 3)
    asked = {}
    for path in (SOURCES, CLIENTS, "/studio/set-up/keys/", "/studio/set-up/"):
        with CaptureQueriesContext(connection) as few:
            read(developer, path)
        asked[path] = len(few)
    fill(3, 24)
    for path, number in asked.items():
        with django_assert_num_queries(number):
            read(developer, path)


def test_the_organisation_names_settings_that_are_documented() -> None:
    page = read(sign_in("viewer"), "/studio/set-up/organisation/")
    documented = (Path(settings.BASE_DIR) / "docs/reference/settings.md").read_text()
    rows = [row for group in list_groups() for row in group.rows]
    assert len(rows) >= 12
    assert [row.setting for row in rows if f"| `{row.setting}` |" not in documented or row.setting not in page] == []
