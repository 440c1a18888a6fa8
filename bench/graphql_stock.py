"""What `/graphql` is measured against: graphene-django's view as it comes, in a Django of the same settings, with the
same types and the same questions to both servers; it asks each when a field needs it."""

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalization.settings")

from django.core.asgi import get_asgi_application

application = get_asgi_application()

import msgspec  # noqa: E402  # what follows needs Django
from django.conf import settings  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from graphene_django.views import GraphQLView  # noqa: E402

from bench.graphql import SCOPES  # noqa: E402
from ingestion.directory import Directory  # noqa: E402
from personalization.callers import Caller, Kind  # noqa: E402
from personalization.graphql import queries  # noqa: E402
from personalization.graphql.asked import Asked, Engine  # noqa: E402
from personalization.graphql.schema import schema  # noqa: E402
from personalization.web import snapshots  # noqa: E402
from personalization.wiring import redis_client  # noqa: E402
from profiles import keys  # noqa: E402
from profiles.event import derive_profile_id  # noqa: E402
from profiles.profile import Profile, unpack  # noqa: E402
from segments.roster import name_segments  # noqa: E402

settings.ROOT_URLCONF = __name__
definitions = snapshots()


class Each:
    """A loader that asks at once."""

    def __init__(self, ask: Callable[[Any], Any]) -> None:
        self.load = ask


def read_person(key: str) -> Profile | None:
    client = redis_client()
    linked = client.get(keys.identifier(key))
    packed = client.get(keys.profile(linked.decode() if linked else derive_profile_id(key)))
    return name_segments(unpack(packed), definitions.live_roster().answers) if packed else None


LOADERS: Any = SimpleNamespace(
    people=Each(read_person),
    orders=Each(lambda page: queries.list_orders([page])[0]),
    grants=Each(lambda page: queries.list_grants([page])[0]),
    balances=Each(lambda profile: queries.sum_points([profile])[0]),
)
ENGINE: Any = Engine(lambda: Directory(0), definitions.live_book, definitions.live_roster, *[None] * 4)  # type: ignore[arg-type]  # nothing else is asked of it
ASKED = Asked(Caller(Kind.SECRET_KEY, "bench", "k:1", frozenset(SCOPES)), LOADERS, ENGINE)


class StockView(GraphQLView):  # type: ignore[misc]  # it says nothing of its types
    """As it comes, but for what resolvers are given, and for JSON that is written by the same encoder as ours."""

    def get_context(self, request: HttpRequest) -> Asked:
        if definitions.roster.current is None:
            for each in (definitions.book, definitions.directory, definitions.roster):
                each.refresh(redis_client())
        return ASKED

    def json_encode(self, request: HttpRequest, said: Any, pretty: bool = False) -> bytes:
        return msgspec.json.encode(said)


urlpatterns = [path("graphql", csrf_exempt(StockView.as_view(schema=schema)))]
