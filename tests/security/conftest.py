"""A running web process that knows keys of every kind, and one of everything that addresses name."""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from ingestion.actions import create_source
from personalization import wiring
from personalization.wiring import make_processor
from profiles.clients import Client
from rules.models import Block, Image, Offer, Rule, Slot
from segments.models import Segment
from tests.doors.conftest import Web, open_doors, put_in_force
from tests.doors.keyring import keep_tokens
from tests.security.routes import EXAMPLES

NAME = EXAMPLES["slug"]
CONDITION = {"v": 1, "root": {"id": "n1", "kind": "event", "event": "Seen", "op": "at_least", "value": 1}}


@pytest.fixture
def things(db: None) -> None:
    """What the pages of one thing are about, so that nobody is told before the door that it is not there."""
    at = timezone.now()
    slot, block = (
        Slot.objects.create(slug=NAME, name="A slot"),
        Block.objects.create(slug=NAME, name="A block", source="Hi"),
    )
    Rule.objects.create(slug=NAME, name="A rule", slot=slot, block=block)
    Offer.objects.create(slug=NAME, name="An offer")
    Segment.objects.create(slug=NAME, name="A segment", condition=CONDITION)
    create_source(slug=NAME, name="A source")
    Image.objects.create(pk=int(EXAMPLES["int"]), name="An image", file="x.png", width=1, height=1, size=1, at=at)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with open_doors() as port:
        yield port


@pytest.fixture
def web(port: int, redis_client: Client) -> Web:
    """The web process before an otherwise empty Redis."""
    put_in_force(redis_client)
    keep_tokens(redis_client)
    wiring.gate.cache_clear()
    return Web(port, make_processor("test"))
