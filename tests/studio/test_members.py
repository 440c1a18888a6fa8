"""Who works here: owners take in, change roles and help; roles hold from the next click on; the last owner stays."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from profiles.models import AuditEntry
from studio.models import Member
from tests.studio.people import make_user, sign_in

pytestmark = pytest.mark.django_db

MEMBERS = "/studio/set-up/members/"


def test_somebody_is_taken_in_and_comes_by_their_link() -> None:
    owner = sign_in("owner", name="olga")
    answer = owner.post(f"{MEMBERS}new/", {"name": "maria@example.com", "role": "marketer"})
    maria = User.objects.get(username="maria@example.com")
    assert answer["Location"] == f"{MEMBERS}{maria.pk}/link/"
    link = owner.post(answer["Location"]).context["link"].removeprefix("http://testserver")
    words = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    assert Client().post(link, words).status_code == 302
    said = AuditEntry.objects.filter(subject="maria@example.com").values_list("actor", "act", "after")
    assert ("olga", "made", {"role": "marketer", "sees_personal_data": False, "active": True}) in list(said)


def test_a_role_holds_from_the_next_click_on() -> None:
    owner, user = sign_in("owner"), make_user("viewer")
    client = Client()
    client.force_login(user)
    assert client.get("/studio/audiences/new/").status_code == 403
    owner.post(f"{MEMBERS}{user.pk}/", {"role": "marketer", "active": "on"})
    assert client.get("/studio/audiences/new/").status_code == 200
    owner.post(f"{MEMBERS}{user.pk}/", {"role": "marketer"})
    assert client.get("/studio/").status_code == 302


def test_the_last_owner_stays_one() -> None:
    user = make_user("owner")
    owner = Client()
    owner.force_login(user)
    for change in ({"role": "viewer", "active": "on"}, {"role": "owner"}):
        answer = owner.post(f"{MEMBERS}{user.pk}/", change)
        assert answer.status_code == 422 and "last owner" in answer.content.decode()
    make_user("owner")
    assert owner.post(f"{MEMBERS}{user.pk}/", {"role": "viewer", "active": "on"}).status_code == 302
    assert Member.objects.get(user=user).role == "viewer"


def test_a_name_is_given_once() -> None:
    owner = sign_in("owner")
    make_user("viewer", name="maria")
    answer = owner.post(f"{MEMBERS}new/", {"name": "maria", "role": "owner"})
    assert answer.status_code == 422 and "already" in answer.content.decode()
    assert Member.objects.get(user__username="maria").role == "viewer"


def test_superusers_are_not_changed_here() -> None:
    root = User.objects.create_superuser("root")
    owner = sign_in("owner")
    assert owner.get(f"{MEMBERS}{root.pk}/").status_code == 404
    assert owner.post(f"{MEMBERS}{root.pk}/link/").status_code == 404
    assert owner.post(f"{MEMBERS}{root.pk}/help/", {"what": "sessions"}).status_code == 404


def test_the_list_takes_as_many_queries_for_many_as_for_few(django_assert_num_queries: Any) -> None:
    owner = sign_in("owner")
    owner.get(MEMBERS)
    make_user("viewer")
    with CaptureQueriesContext(connection) as captured:
        owner.get(f"{MEMBERS}?role=viewer")
    for _ in range(20):
        make_user("viewer")
    with django_assert_num_queries(len(captured.captured_queries)):
        assert owner.get(f"{MEMBERS}?role=viewer").context["listing"].page.paginator.count == 21
