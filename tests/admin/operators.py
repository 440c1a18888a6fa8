"""Operators of every rank, and definitions for them to work on."""

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from rules.models import Block, Rule, Slot
from segments.models import Segment


def sign_in(*permissions: str) -> Client:
    """A client of an operator who may do what is named (`rules.add_book`), and nothing else."""
    user = User.objects.create_user(f"operator-{User.objects.count()}", is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def sign_in_owner() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(f"owner-{User.objects.count()}"))
    return client


def condition(**root: Any) -> dict[str, Any]:
    return {"v": 1, "root": {"id": "root", "kind": "trait", "trait": "plan", "op": "is", "value": "gold", **root}}


def only(**root: Any) -> dict[str, Any]:
    """A condition of one node."""
    return {"v": 1, "root": {"id": "root", **root}}


def make_definitions() -> tuple[Segment, Block, Slot, Rule]:
    """A segment, and a rule that shows its people a block."""
    segment = Segment.objects.create(slug="gold", name="Gold plan", condition=condition())
    block = Block.objects.create(slug="thanks", name="Thanks", source="<p>Thank you!</p>")
    slot = Slot.objects.create(slug="hero", name="Banner")
    rule = Rule.objects.create(
        slug="gold-thanks",
        name="Thank gold",
        slot=slot,
        block=block,
        condition={"v": 1, "root": {"id": "in", "kind": "segment", "segment": "gold"}},
    )
    return segment, block, slot, rule
