"""What was decided and granted, as models keep it."""

import msgspec
from graphene import ID, Boolean, Field, List, NonNull, ObjectType, String
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from personalization.graphql.scalars import DateTime
from profiles import decided
from rules import models


class KeptAnswer(msgspec.Struct, frozen=True, gc=False):
    """A profiles.decided.SlotAnswer as the archive keeps it."""

    slot: str
    reason: str
    block: str | None = None
    rule: str | None = None
    segments: tuple[str, ...] = ()
    suppressed: tuple[decided.Suppressed, ...] = ()
    held: bool = False


_answers = msgspec.json.Decoder(tuple[KeptAnswer, ...])


class Suppressed(ObjectType):
    """A rule that held and was not shown, and why."""

    rule = String(required=True)
    why = String(required=True)


class DecidedSlot(ObjectType):
    """What one slot was answered, and why."""

    slot = String(required=True)
    reason = String(required=True)
    block = String()
    rule = String()
    segments = List(NonNull(String), required=True)
    suppressed = List(NonNull(Suppressed), required=True)
    held = Boolean(required=True, description="The page showed that block already.")


class Decision(DjangoObjectType):
    """One answered question."""

    id = ID(required=True)
    at = DateTime(required=True)
    slots = List(NonNull(DecidedSlot), required=True)

    class Meta:
        model = models.Decision
        fields = ("door", "source", "book")

    @staticmethod
    def resolve_id(decision: models.Decision, info: GraphQLResolveInfo) -> str:
        return decision.id.hex

    @staticmethod
    def resolve_slots(decision: models.Decision, info: GraphQLResolveInfo) -> tuple[KeptAnswer, ...]:
        return _answers.decode(decision.answers)


class Grant(DjangoObjectType):
    """What the person was granted of an offer: a code, points, or access."""

    at = DateTime(required=True)
    decision_id = Field(ID, required=True)

    class Meta:
        model = models.Grant
        fields = ("offer", "period", "code", "points")

    @staticmethod
    def resolve_decision_id(grant: models.Grant, info: GraphQLResolveInfo) -> str:
        return grant.decision_id.hex


class PointsEntry(DjangoObjectType):
    """Points that were granted, added or spent."""

    at = DateTime(required=True)

    class Meta:
        model = models.PointsEntry
        fields = ("points", "note", "offer")
