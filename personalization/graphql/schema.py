"""Everything that can be asked, and the schema that is made of it."""

from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple

import msgspec
from graphene import ID, Argument, Field, Int, List, NonNull, ObjectType, Schema, String
from graphql import GraphQLResolveInfo

from personalization.answering import Answered
from personalization.decide import MAX_SLOTS
from personalization.graphql.asked import Engine, check_field, check_first, to_key, to_own_key
from personalization.graphql.decisions import Suppressed
from personalization.graphql.mutations import Mutation
from personalization.graphql.problems import BadRequest
from personalization.graphql.queries import Listed, Size
from personalization.graphql.scalars import JSON, DateTime
from personalization.graphql.types import Customer, Named, many
from profiles.consent import STATES
from segments.roster import Version

MAX_CUSTOMERS = 100  # of one field


class SegmentSize(ObjectType):
    """How many people a segment had at the end of an hour, or in this one a moment ago."""

    people = Int(required=True)
    hour = DateTime(required=True)


class Segment(ObjectType):
    """A segment in force, as it was published."""

    slug = String(required=True)
    name = String(required=True)
    kind = String(required=True)
    size = Field(SegmentSize, description="Null before it was counted for the first time.")

    @staticmethod
    def resolve_slug(version: Version, info: GraphQLResolveInfo) -> str:
        return version.segment

    @staticmethod
    def resolve_name(version: Version, info: GraphQLResolveInfo) -> str:
        slug = version.segment
        name: str = info.context.engine.book().segment_names.get(slug, slug)
        return name

    @staticmethod
    def resolve_size(version: Version, info: GraphQLResolveInfo) -> Awaitable[Size | None]:
        size: Awaitable[Size | None] = info.context.loaders.sizes.load((version.segment, version.version))
        return size


class Segments(ObjectType):
    """A page of segments, by slug."""

    segments = many(Segment)
    next = String(description="The cursor of the next page; null at the end.")

    @staticmethod
    def resolve_segments(page: Listed, info: GraphQLResolveInfo) -> Sequence[Any]:
        return page.found


class Slot(ObjectType):
    """A named place that decisions are asked for."""

    slug = String(required=True)
    name = String(required=True)
    channel = String(required=True)
    kinds = many(String, description="The kinds of block it takes; none: all that fit its channel.")
    default = String(description="The block that is shown when no rule holds.")

    @staticmethod
    def resolve_slug(slot: Named, info: GraphQLResolveInfo) -> str:
        return slot.name

    @staticmethod
    def resolve_name(slot: Named, info: GraphQLResolveInfo) -> str:
        return slot.of.name or slot.name

    @staticmethod
    def resolve_channel(slot: Named, info: GraphQLResolveInfo) -> str:
        channel: str = slot.of.channel
        return channel

    @staticmethod
    def resolve_kinds(slot: Named, info: GraphQLResolveInfo) -> Sequence[str]:
        kinds: Sequence[str] = slot.of.kinds
        return kinds

    @staticmethod
    def resolve_default(slot: Named, info: GraphQLResolveInfo) -> str | None:
        default: str | None = slot.of.default
        return default


class SlotContent(NamedTuple):
    """What one slot shows; the block is JSON already."""

    slot: str
    answered: Answered


class Offered(ObjectType):
    """What the person has been granted with the block."""

    offer = String(required=True)
    kind = String(required=True)
    name = String(required=True)
    code = String(required=True)
    points = Int(required=True)


class AnsweredSlot(ObjectType):
    """What one slot shows, and why. Without a block it keeps its own content."""

    slot = String(required=True)
    reason = String(required=True)
    block = JSON()
    rule = String()
    segments = many(String)
    suppressed = many(Suppressed)
    offer = Field(Offered)

    @staticmethod
    def resolve_reason(content: SlotContent, info: GraphQLResolveInfo) -> str:
        return str(content.answered.reason)

    @staticmethod
    def resolve_block(content: SlotContent, info: GraphQLResolveInfo) -> msgspec.Raw | None:
        return content.answered.block

    @staticmethod
    def resolve_rule(content: SlotContent, info: GraphQLResolveInfo) -> str | None:
        return content.answered.rule

    @staticmethod
    def resolve_segments(content: SlotContent, info: GraphQLResolveInfo) -> Sequence[str]:
        return content.answered.segments

    @staticmethod
    def resolve_suppressed(content: SlotContent, info: GraphQLResolveInfo) -> Sequence[Any]:
        return content.answered.suppressed

    @staticmethod
    def resolve_offer(content: SlotContent, info: GraphQLResolveInfo) -> Any:
        return content.answered.offer


class DecideAnswer(ObjectType):
    """The answer to one question; events about it carry its id."""

    decision_id = ID(required=True)
    book = Int(required=True)
    slots = many(AnsweredSlot)


class Query(ObjectType):
    """What can be asked."""

    customer = Field(
        Customer,
        id=Argument(ID),
        user_id=Argument(String),
        anonymous_id=Argument(String),
        description="The person that one of their ids stands for; null when nobody is known by it.",
    )
    customers = Field(
        List(Customer),
        ids=Argument(List(NonNull(ID)), required=True),
        description=f"At most {MAX_CUSTOMERS} people by the ids of their profiles, in this order; null for nobody.",
    )
    segments = Field(
        Segments,
        first=Argument(Int, required=True, default_value=20),
        after=Argument(String),
        slug=Argument(String),
        description="All in force, or the one with this slug.",
    )
    slots = List(NonNull(Slot), description="Those of the Book in force.")
    decide = Field(
        DecideAnswer,
        user_id=Argument(String),
        anonymous_id=Argument(String),
        slots=Argument(List(NonNull(String)), required=True),
        context=Argument(JSON),
        consent=Argument(String, description="granted, pending or denied; without consent nobody is looked up."),
        description="What a person sees; without an id, what somebody unknown does.",
    )

    @staticmethod
    def resolve_customer(root: None, info: GraphQLResolveInfo, **named: str | None) -> Any:
        check_field(info)
        return info.context.loaders.people.load(to_key(**named))

    @staticmethod
    def resolve_customers(root: None, info: GraphQLResolveInfo, ids: list[str]) -> Any:
        check_field(info)
        if len(ids) > MAX_CUSTOMERS:
            raise BadRequest(f"ask for at most {MAX_CUSTOMERS} customers at once")
        return info.context.loaders.people.load_many([to_own_key(id) for id in ids])

    @staticmethod
    def resolve_segments(
        root: None, info: GraphQLResolveInfo, first: int, after: str | None = None, slug: str | None = None
    ) -> Listed:
        check_field(info)
        return _list_segments(info.context.engine, check_first(first), after, slug)

    @staticmethod
    def resolve_slots(root: None, info: GraphQLResolveInfo) -> list[Named]:
        check_field(info)
        slots = info.context.engine.book().payload.slots
        return [Named(slug, slot) for slug, slot in sorted(slots.items())]

    @staticmethod
    async def resolve_decide(
        root: None,
        info: GraphQLResolveInfo,
        slots: list[str],
        context: Any = None,
        consent: str | None = None,
        **named: str | None,
    ) -> dict[str, Any]:
        check_field(info)
        if not 0 < len(slots) <= MAX_SLOTS:
            raise BadRequest(f"name 1 to {MAX_SLOTS} slots")
        if context is not None and not isinstance(context, dict):
            raise BadRequest("the context is an object")
        identifier = to_key(**named) if any(each is not None for each in named.values()) else None
        if consent is not None and consent not in STATES:
            raise BadRequest(f"consent is one of {', '.join(STATES)}")
        caller, _, engine, headers = info.context
        answer = await engine.decider.decide(
            identifier,
            slots,
            context or {},
            door="graphql",
            source=caller.source,
            permission=headers._replace(state=consent),
        )
        shown = [SlotContent(slot, answered) for slot, answered in answer.slots.items()]
        return {"decision_id": answer.decision_id, "book": answer.book, "slots": shown}


def _list_segments(engine: Engine, first: int, after: str | None, slug: str | None) -> Listed:
    """A page of the versions that answer; the slug of the last one is the cursor."""
    roster = engine.roster()
    versions = {version.key: version for version in roster.versions}
    slugs = sorted(each for each in roster.answers if (slug or each) == each and (after or "") < each)
    page = [versions[roster.answers[each]] for each in slugs[:first]]
    return Listed(page, slugs[first - 1] if len(slugs) > first else None)


schema = Schema(query=Query, mutation=Mutation)
