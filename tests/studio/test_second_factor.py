"""Members of roles that need a second step are led to where it is set up, before anything else."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from personalization.environment import ROLES
from profiles.clients import Client as Redis
from studio.account.second_factor import lacks_second_step
from studio.models import Member
from tests.studio.people import make_user, sign_in
from tests.studio.test_signing_in import switch_codes_on

pytestmark = pytest.mark.django_db
SET_UP = "/studio/account/codes/"


@pytest.fixture(autouse=True)
def required(settings: Any, redis_client: Redis) -> None:
    settings.PZ_REQUIRE_SECOND_FACTOR = frozenset({"publisher", "owner"})


def test_every_page_leads_to_the_set_up_until_it_is_done() -> None:
    user, client = make_user("publisher"), Client()
    client.force_login(user)
    for path in ("/studio/", "/studio/audiences/", "/studio/account/password/"):
        assert client.get(path)["Location"] == SET_UP
    part = client.get("/studio/overview/standing/", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"]) == (403, SET_UP)
    program = client.get("/api/v1/slots")
    assert (program.status_code, program.json()["code"]) == (403, "second_factor_needed")
    assert lacks_second_step(user)
    assert len(switch_codes_on(client, user)) == 8
    assert client.get("/studio/").status_code == 200 and not lacks_second_step(user)


def test_a_superuser_and_operators_of_the_admin_need_one_too() -> None:
    owner = User.objects.create_superuser("root")
    staff = User.objects.create_user("staff", is_staff=True)
    for user in (owner, staff):
        client = Client()
        client.force_login(user)
        assert client.get("/admin/")["Location"] == SET_UP
        assert client.post("/admin/logout/").status_code in (200, 302)


def test_other_roles_choose_for_themselves_and_may_leave() -> None:
    assert sign_in("viewer").get("/studio/").status_code == 200
    client = sign_in("owner")
    assert client.post("/studio/sign-out/")["Location"] == "/studio/sign-in/"


def test_nothing_is_asked_unless_it_is_said(settings: Any) -> None:
    settings.PZ_REQUIRE_SECOND_FACTOR = frozenset()
    assert sign_in("owner").get("/studio/").status_code == 200


def test_roles_are_those_of_members() -> None:
    assert set(ROLES) == set(Member.Role.values)
