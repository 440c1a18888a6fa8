"""What can be asked of a person: from the hot profile, which is current, and from the archive."""

from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec
from graphene import ID, BigInt, Boolean, Enum, Field, Float, Int, List, NonNull, ObjectType, String
from graphql import GraphQLResolveInfo

from personalization.graphql import queries
from personalization.graphql.asked import check_first, list_selected
from personalization.graphql.cursors import read_cursor
from personalization.graphql.decisions import Decision, Grant, PointsEntry
from personalization.graphql.scalars import JSON, DateTime
from profiles.profile import MAX_NAMES, PARTS, History, Moment, Profile, Trait

MAX_MOMENTS = 500  # of one event


def many(of: Any, **more: Any) -> List:
    """A list that is always there, of things that are."""
    return List(NonNull(of), required=True, **more)


def number(otherwise: int) -> Int:
    """An argument that says how many are asked for."""
    return Int(required=True, default_value=otherwise)


class Named(msgspec.Struct, frozen=True, gc=False):
    """Something of a profile with the name it goes by."""

    name: str
    of: Any


class IdentifierKind(Enum):
    USER = "u"
    ANONYMOUS = "a"


class Identifier(ObjectType):
    """An id that stands for the person."""

    kind = Field(IdentifierKind, required=True)
    id = String(required=True)

    @staticmethod
    def resolve_kind(key: str, info: GraphQLResolveInfo) -> str:
        return key[0]

    @staticmethod
    def resolve_id(key: str, info: GraphQLResolveInfo) -> str:
        return key[2:]


class Consent(ObjectType):
    """What the person said to one purpose, and when."""

    purpose = String(required=True)
    granted = Boolean(required=True)
    at = DateTime(required=True)

    @staticmethod
    def resolve_purpose(consent: Named, info: GraphQLResolveInfo) -> str:
        return consent.name

    @staticmethod
    def resolve_granted(consent: Named, info: GraphQLResolveInfo) -> bool:
        return consent.of.value is True

    @staticmethod
    def resolve_at(consent: Named, info: GraphQLResolveInfo) -> int:
        at: int = consent.of.at
        return at


class Membership(ObjectType):
    """A segment the person is in, and since when."""

    slug = String(required=True)
    name = String(required=True)
    since = DateTime(required=True)

    @staticmethod
    def resolve_slug(membership: Named, info: GraphQLResolveInfo) -> str:
        return membership.name

    @staticmethod
    def resolve_name(membership: Named, info: GraphQLResolveInfo) -> str:
        slug = membership.name
        name: str = info.context.engine.book().segment_names.get(slug, slug)
        return name

    @staticmethod
    def resolve_since(membership: Named, info: GraphQLResolveInfo) -> int:
        since: int = membership.of
        return since


class Score(ObjectType):
    """A number that says something of the person, such as how likely they are to leave."""

    name = String(required=True)
    value = Float(required=True)

    @staticmethod
    def resolve_value(score: Named, info: GraphQLResolveInfo) -> float:
        value: float = score.of
        return value


class EventMoment(ObjectType):
    """One remembered event; `properties` are those that are indexed."""

    at = DateTime(required=True)
    value = Float(required=True)
    properties = JSON(required=True)


class EventHistory(ObjectType):
    """All that the profile knows of one event: how often it ever happened, what it was worth, and its latest times."""

    name = String(required=True)
    count = Int(required=True)
    total = Float(required=True, description="What all of them were worth together.")
    first = DateTime(required=True)
    last = DateTime(required=True)
    recent = many(EventMoment, limit=number(10), description="The newest that are remembered.")

    @staticmethod
    def resolve_count(event: Named, info: GraphQLResolveInfo) -> int:
        return _history(event).count

    @staticmethod
    def resolve_total(event: Named, info: GraphQLResolveInfo) -> float:
        return _history(event).total / PARTS

    @staticmethod
    def resolve_first(event: Named, info: GraphQLResolveInfo) -> int:
        return _history(event).first

    @staticmethod
    def resolve_last(event: Named, info: GraphQLResolveInfo) -> int:
        return _history(event).last

    @staticmethod
    def resolve_recent(event: Named, info: GraphQLResolveInfo, limit: int) -> list[Moment]:
        return _history(event).recent[: -check_first(limit, MAX_MOMENTS) - 1 : -1]


def _history(event: Named) -> History:
    history: History = event.of
    return history


class ArchivedEvent(ObjectType):
    """One event as it was sent, and the segments it made the person enter or leave."""

    id = String(required=True, description="Its messageId.")
    at = DateTime(required=True)
    type = String(required=True)
    name = String(required=True)
    source = String(required=True)
    value = Float(required=True)
    properties = JSON(required=True)
    traits = JSON(required=True)
    context = JSON(required=True)
    entered = JSON(required=True)
    left = JSON(required=True)


class Timeline(ObjectType):
    """A page of archived events, the newest first."""

    events = many(ArchivedEvent)
    next = String(description="The cursor of the next page; null at the end.")

    @staticmethod
    def resolve_events(page: queries.Listed, info: GraphQLResolveInfo) -> Sequence[Any]:
        return page.found


class Order(ObjectType):
    """An `Order Completed`. Its id is the order's own, or else the messageId."""

    id = String(required=True)
    at = DateTime(required=True)
    revenue = Float(required=True)
    currency = String()
    products = JSON()


class Transactions(ObjectType):
    """A page of completed orders, the newest first."""

    orders = many(Order)
    next = String(description="The cursor of the next page; null at the end.")

    @staticmethod
    def resolve_orders(page: queries.Listed, info: GraphQLResolveInfo) -> Sequence[Any]:
        return page.found


class Points(ObjectType):
    """The person's loyalty points: their balance, and what it comes from."""

    balance = BigInt()
    entries = List(NonNull(PointsEntry), first=number(20))

    @staticmethod
    def resolve_balance(profile: Profile, info: GraphQLResolveInfo) -> Awaitable[int]:
        balance: Awaitable[int] = info.context.loaders.balances.load(profile.id)
        return balance

    @staticmethod
    def resolve_entries(profile: Profile, info: GraphQLResolveInfo, first: int) -> Any:
        return info.context.loaders.points.load(queries.Page(profile.id, check_first(first)))


class Customer(ObjectType):
    """All that is known of one person. What can be null here besides ids comes from the archive, which may be away."""

    id = ID(required=True)
    user_id = String()
    identifiers = many(Identifier)
    first_seen = DateTime(required=True)
    last_seen = DateTime(required=True)
    traits = JSON(required=True, names=List(NonNull(String)), description="All of them, or those with these names.")
    consent = many(Consent)
    events = many(
        EventHistory,
        names=List(NonNull(String)),
        limit=number(20),
        description="Those with these names, or the ones that happened last.",
    )
    timeline = Field(Timeline, first=number(20), after=String())
    transactions = Field(Transactions, first=number(20), after=String())
    segments = many(Membership)
    scores = many(Score)
    cluster = String()
    decisions = List(NonNull(Decision), first=number(20), description="The newest.")
    points = Field(Points, required=True)
    grants = List(
        NonNull(Grant),
        first=number(20),
        description="Offers granted, the newest first.",
    )

    @staticmethod
    def resolve_identifiers(profile: Profile, info: GraphQLResolveInfo) -> list[str]:
        return [key for key in profile.identifiers if key[:2] in ("u:", "a:")]

    @staticmethod
    def resolve_traits(profile: Profile, info: GraphQLResolveInfo, names: list[str] | None = None) -> dict[str, Any]:
        traits = profile.traits
        if names is None:
            return {name: trait.value for name, trait in traits.items()}
        return {name: traits[name].value for name in names if name in traits}

    @staticmethod
    def resolve_consent(profile: Profile, info: GraphQLResolveInfo) -> list[Named]:
        said: dict[str, Trait] = profile.consent
        return [Named(purpose, trait) for purpose, trait in sorted(said.items())]

    @staticmethod
    def resolve_events(
        profile: Profile, info: GraphQLResolveInfo, limit: int, names: list[str] | None = None
    ) -> list[Named]:
        check_first(limit, MAX_NAMES)
        events = profile.events
        if names is None:
            names = sorted(events, key=lambda name: (-events[name].last, name))
        return [Named(name, events[name]) for name in dict.fromkeys(names) if name in events][:limit]

    @staticmethod
    def resolve_timeline(profile: Profile, info: GraphQLResolveInfo, first: int, after: str | None = None) -> Any:
        heavy = list_selected(info, "events").intersection(queries.HEAVY_OF_EVENT)
        page = queries.Page(profile.id, check_first(first), *read_cursor(after), heavy)
        return info.context.loaders.events.load(page)

    @staticmethod
    def resolve_transactions(profile: Profile, info: GraphQLResolveInfo, first: int, after: str | None = None) -> Any:
        heavy = list_selected(info, "orders").intersection(queries.HEAVY_OF_ORDER)
        page = queries.Page(profile.id, check_first(first), *read_cursor(after), heavy)
        return info.context.loaders.orders.load(page)

    @staticmethod
    def resolve_segments(profile: Profile, info: GraphQLResolveInfo) -> list[Named]:
        return [Named(slug, since) for slug, since in sorted(profile.segments.items())]

    @staticmethod
    def resolve_scores(profile: Profile, info: GraphQLResolveInfo) -> list[Named]:
        return [Named(name, value) for name, value in sorted(profile.scores.items())]

    @staticmethod
    def resolve_decisions(profile: Profile, info: GraphQLResolveInfo, first: int) -> Any:
        return info.context.loaders.decisions.load(queries.Page(profile.id, check_first(first)))

    @staticmethod
    def resolve_points(profile: Profile, info: GraphQLResolveInfo) -> Profile:
        return profile

    @staticmethod
    def resolve_grants(profile: Profile, info: GraphQLResolveInfo, first: int) -> Any:
        return info.context.loaders.grants.load(queries.Page(profile.id, check_first(first)))
