"""Seeding makes what is missing, publishes once, and leaves alone what somebody edited."""

import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from ingestion.models import Source
from personalization import shop
from personalization.seeding import seed_operator, seed_shop
from rules.models import Block, Book, Rule
from segments.models import Segment

pytestmark = pytest.mark.django_db


def test_seeding_twice_changes_nothing() -> None:
    first = seed_shop(at=timezone.now())
    assert first.debug
    Block.objects.filter(slug="outdoor-banner").update(source="<p>Edited</p>")
    counts = [model.objects.count() for model in (Source, Segment, Block, Rule, Book)]
    again = seed_shop(at=timezone.now())
    assert again.write_key == first.write_key
    assert [model.objects.count() for model in (Source, Segment, Block, Rule, Book)] == counts
    assert Book.objects.get().number == 1
    assert Block.objects.get(slug="outdoor-banner").source == "<p>Edited</p>"


def test_the_operator_can_log_in_with_what_the_file_says(tmp_path: Path, settings: Settings) -> None:
    settings.PZ_DATA = tmp_path
    login = seed_operator()
    path = tmp_path / "demo-login"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == f"{login.username} / {login.password}\n"
    assert seed_operator() == login
    user = authenticate(RequestFactory().post("/"), username=login.username, password=login.password)
    assert user is not None and user.is_staff


@pytest.mark.parametrize("path", ["", "how-it-works/", *(f"p/{product.id}/" for product in shop.PRODUCTS[:3])])
def test_pages_answer_and_carry_the_write_key(client: Client, path: str) -> None:
    source = seed_shop(at=timezone.now())
    answer = client.get(f"/demo/{path}")
    assert answer.status_code == 200
    assert f'data-write-key="{source.write_key}"' in answer.content.decode()


def test_a_product_the_shop_does_not_have_is_not_found(client: Client) -> None:
    assert client.get("/demo/p/flying-carpet/").status_code == 404


def test_before_seeding_the_page_says_what_to_run(client: Client) -> None:
    assert "manage.py seed_demo" in client.get("/demo/").content.decode()
