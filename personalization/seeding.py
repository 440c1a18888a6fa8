"""Puts the demo shop into the database: source, catalogue, content, the first Book, and an operator."""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from ingestion.actions import create_source, publish_directory
from ingestion.models import EventProperty, EventType, Source
from personalization import shop_mail
from personalization.shop import SHOP_NAME, SOURCE_SLUG
from personalization.shop_content import RULES, SEGMENTS, SLOTS, list_blocks
from rules.actions import publish_book
from rules.models import Block, Book, Rule, Slot
from segments.models import Segment

OPERATOR = "demo"
LOGIN_FILE = "demo-login"  # below PZ_DATA: one line, "name / password"

# The events of the shop, with the properties that conditions may use.
CATALOGUE: dict[str, tuple[tuple[str, str], ...]] = {
    "Product Viewed": (("category", "string"), ("product_id", "string"), ("price", "number")),
    "Product Added": (("category", "string"), ("product_id", "string"), ("price", "number")),
    "Product Removed": (("category", "string"), ("product_id", "string")),
    "Order Completed": (("revenue", "number"), ("order_id", "string")),
}


@dataclass(frozen=True)
class Login:
    username: str
    password: str


def seed_shop(*, at: datetime) -> Source:
    """What is missing of the demo shop is made; what is there, edited or not, stays. The first Book is published
    at `at`, unless there is one."""
    source = Source.objects.filter(slug=SOURCE_SLUG).first()
    if source is None:
        source = create_source(slug=SOURCE_SLUG, name=SHOP_NAME, debug=True)
    with transaction.atomic():
        _seed_catalogue()
        _seed_content()
    publish_directory()  # with the catalogue
    if not Book.objects.exists():
        publish_book(by=None, at=at, note="The demo shop as it comes")
    return source


def _seed_catalogue() -> None:
    for name, properties in CATALOGUE.items():
        event_type, _ = EventType.objects.get_or_create(name=name)
        for path, type in properties:
            EventProperty.objects.update_or_create(
                event_type=event_type,
                path=path,
                defaults={"indexed": True},
                create_defaults={"indexed": True, "types": [type]},
            )


def _seed_content() -> None:
    for block in (*list_blocks(settings.STATIC_URL), *shop_mail.BLOCKS):
        said = {"name": block.name, "source": block.html, "kind": block.kind, "subject": block.subject}
        Block.objects.get_or_create(slug=block.slug, defaults=said)
    for slot in (*SLOTS, shop_mail.SLOT):
        default = None if slot.default is None else Block.objects.get(slug=slot.default)
        Slot.objects.get_or_create(
            slug=slot.slug, defaults={"name": slot.name, "channel": slot.channel, "default": default}
        )
    for segment in SEGMENTS:
        Segment.objects.get_or_create(
            slug=segment.slug, defaults={"name": segment.name, "condition": segment.condition}
        )
    for rule in (*RULES, *shop_mail.RULES):
        Rule.objects.get_or_create(
            slug=rule.slug,
            defaults={
                "name": rule.name,
                "slot": Slot.objects.get(slug=rule.slot),
                "block": Block.objects.get(slug=rule.block),
                "priority": rule.priority,
                "condition": rule.condition,
            },
        )


def seed_operator() -> Login:
    """The demo's operator, whose generated password is kept in a file only its owner can read."""
    path = settings.PZ_DATA / LOGIN_FILE
    login = read_login(path) or Login(OPERATOR, secrets.token_urlsafe(12))
    user, _ = User.objects.get_or_create(username=login.username, defaults={"is_staff": True, "is_superuser": True})
    if not user.check_password(login.password):
        user.set_password(login.password)
        user.save(update_fields=["password"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{login.username} / {login.password}\n")
    return login


def read_login(path: Path) -> Login | None:
    """The login of an earlier seeding, or None."""
    try:
        username, password = path.read_text().strip().split(" / ")
    except (OSError, ValueError):
        return None
    return Login(username, password)
