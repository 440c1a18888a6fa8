"""OAuth clients: made, limited and ended by operators, and obeyed by the doors through the directory."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from oauth2_provider.models import Application

from ingestion.actions import create_oauth_client, create_source, remove_source
from ingestion.directory import Directory
from ingestion.models import OAuthClient, Source
from ingestion.queries import build_directory, newest_directory, to_json
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db
CLIENTS = "/admin/ingestion/oauthclient/"


@pytest.fixture
def shop() -> Source:
    return create_source(slug="shop", name="Shop")


@pytest.fixture
def mailer(shop: Source) -> OAuthClient:
    return create_oauth_client(name="Mailer", source=shop, scopes=["decide", "email:send"])[0]


def page_of(client: OAuthClient, action: str = "change") -> str:
    return f"{CLIENTS}{client.pk}/{action}/"


def in_force() -> Directory:
    """What the doors obey, as soon as it is announced."""
    directory, newest = build_directory(), newest_directory()
    assert newest is not None and newest[1] == to_json(directory)
    return directory


def test_a_clients_secret_is_shown_once_and_kept_as_a_password_is(shop: Source) -> None:
    owner = sign_in_owner()
    form = {"name": "Mailer", "source": shop.pk, "scopes": ["email:send", "decide"]}
    answer = owner.post(f"{CLIENTS}add/", form)
    assert "no-store" in answer["cache-control"]
    found = re.search(r"cs_[\w-]{40,}", answer.content.decode())
    assert found is not None
    application = Application.objects.get()
    assert application.client_secret.startswith("pbkdf2_")
    client = OAuthClient.objects.get()
    assert found[0] not in owner.get(page_of(client)).content.decode() + LogEntry.objects.get().change_message
    allowed = in_force().clients[application.client_id]
    assert (allowed.source, allowed.scopes, allowed.id) == ("shop", ("decide", "email:send"), client.pk)


def test_less_may_be_allowed_later(mailer: OAuthClient) -> None:
    form = {"name": "Post", "scopes": ["decide"], "source": "other"}
    assert sign_in_owner().post(page_of(mailer), form).status_code == 302
    mailer.refresh_from_db()
    assert (str(mailer), in_force().clients[mailer.application.client_id].scopes) == ("Post", ("decide",))


@pytest.mark.parametrize("form", [{}, {"name": "Mailer"}, {"name": "Mailer", "scopes": ["everything"]}])
def test_what_makes_no_client_is_said(shop: Source, form: dict[str, object]) -> None:
    assert "errorlist" in sign_in_owner().post(f"{CLIENTS}add/", {"source": shop.pk, **form}).content.decode()
    assert not Application.objects.exists()


def test_a_removed_client_is_gone_with_all_it_had(mailer: OAuthClient) -> None:
    sign_in_owner().post(page_of(mailer, "delete"), {"post": "yes"})
    assert in_force().clients == {}
    assert not Application.objects.exists()


def test_several_are_removed_at_once(mailer: OAuthClient, shop: Source) -> None:
    other, _ = create_oauth_client(name="Other", source=shop, scopes=["decide"])
    chosen = {"action": "delete_selected", "_selected_action": [mailer.pk, other.pk], "post": "yes"}
    sign_in_owner().post(CLIENTS, chosen)
    assert (in_force().clients, Application.objects.count()) == ({}, 0)


def test_clients_go_with_their_source(mailer: OAuthClient, shop: Source) -> None:
    remove_source(shop)
    assert (in_force().clients, Application.objects.count()) == ({}, 0)


def test_who_may_only_look_changes_nothing(mailer: OAuthClient) -> None:
    viewer = sign_in("ingestion.view_oauthclient")
    looked = viewer.get(page_of(mailer)).content.decode()
    assert mailer.application.client_id in looked and 'value="Save"' not in looked
    assert viewer.post(page_of(mailer), {"name": "Mine", "scopes": ["erase"]}).status_code == 403
    assert viewer.get(f"{CLIENTS}add/").status_code == 403
    assert viewer.post(page_of(mailer, "delete"), {"post": "yes"}).status_code == 403
    assert sign_in("ingestion.view_source").get(CLIENTS).status_code == 403


def test_an_unknown_client_is_no_error() -> None:
    assert sign_in_owner().get(f"{CLIENTS}999/change/").status_code == 302


def test_the_list_says_what_each_may(mailer: OAuthClient) -> None:
    page = sign_in_owner().get(CLIENTS).content.decode()
    assert mailer.application.client_id in page and "decide, email:send" in page


def test_the_toolkits_own_pages_are_put_away() -> None:
    owner = sign_in_owner()
    names = ("application", "accesstoken", "refreshtoken", "grant", "idtoken")
    assert {owner.get(f"/admin/oauth2_provider/{name}/").status_code for name in names} == {404}
