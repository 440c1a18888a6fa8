"""What definitions say, kind by kind, in the form of a Book; what is answered besides; and what became of them."""

from typing import Any

from rest_framework import serializers

from personalization.rest.fields import Body
from rules.models import PERIODS, Block, Offer, Slot
from segments.models import Segment

Form = serializers.Serializer[Any]

MAX_NAME = 120
MAX_SLUG = 64
MAX_SOURCE = 200_000
MAX_CAPS = 20
NOTE = 200


def written(most: int, **more: Any) -> serializers.CharField:
    """A text as it was written, with its spaces."""
    return serializers.CharField(max_length=most, allow_blank=True, trim_whitespace=False, required=False, **more)


def slug(**more: Any) -> serializers.CharField:
    """The name of another definition."""
    return serializers.CharField(max_length=MAX_SLUG, **more)


def moment() -> serializers.CharField:
    return serializers.CharField(
        max_length=40, allow_null=True, required=False, help_text="ISO 8601 with an offset: 2026-11-27T08:00:00+01:00."
    )


def condition(**more: Any) -> serializers.DictField:
    return serializers.DictField(
        allow_null=True, required=False, help_text="A tree; docs/reference/conditions.md.", **more
    )


class SegmentBody(Body):
    """A group of people."""

    name = serializers.CharField(max_length=MAX_NAME)
    kind = serializers.ChoiceField(Segment.Kind.choices, required=False)
    description = written(2_000)
    condition = condition()
    as_of = moment()
    live = serializers.BooleanField(required=False, help_text="Part of the next published Book.")


class BlockBody(Body):
    """The content of a slot."""

    name = serializers.CharField(max_length=MAX_NAME)
    kind = serializers.ChoiceField(Block.Kind.choices)
    source = written(  # type: ignore[assignment]  # a field, no attribute
        MAX_SOURCE, help_text="Liquid, or JSON for the kinds json and recommendation."
    )
    subject = written(MAX_SOURCE, help_text="Of an e-mail, in Liquid.")
    text = written(MAX_SOURCE, help_text="Of an e-mail, in Liquid.")
    shape = serializers.DictField(allow_null=True, required=False, help_text="JSON Schema of what a json block says.")
    fallback = slug(allow_null=True, required=False, help_text="The block shown when there is nothing to recommend.")


class SlotBody(Body):
    """A named place."""

    name = serializers.CharField(max_length=MAX_NAME)
    channel = serializers.ChoiceField(Slot.Channel.choices, required=False)
    kinds = serializers.ListField(child=serializers.ChoiceField(Block.Kind.choices), required=False, max_length=4)
    default = slug(allow_null=True, required=False, help_text="The block that is shown when no rule holds.")


class OfferBody(Body):
    """What a person gets beside a block."""

    name = serializers.CharField(max_length=MAX_NAME)
    kind = serializers.ChoiceField(Offer.Kind.choices)
    points = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)
    every = serializers.ChoiceField(PERIODS, required=False)


class CapBody(Body):
    """At most so many times in each period."""

    most = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    per = serializers.ChoiceField(PERIODS)
    of = serializers.ChoiceField(["person", "everybody"], required=False)


class RuleBody(Body):
    """In a slot, when a condition holds, show a block."""

    name = serializers.CharField(max_length=MAX_NAME)
    slot = slug()
    block = slug()
    priority = serializers.IntegerField(min_value=-(2**31), max_value=2**31 - 1, required=False)
    condition = condition()
    starts = moment()
    ends = moment()
    zone = serializers.CharField(max_length=64, allow_blank=True, required=False)
    weight = serializers.IntegerField(min_value=0, max_value=2**31 - 1, allow_null=True, required=False)
    caps = serializers.ListField(child=CapBody(), required=False, max_length=MAX_CAPS)
    purpose = serializers.CharField(max_length=40, allow_blank=True, required=False)
    offer = slug(allow_null=True, required=False)
    live = serializers.BooleanField(required=False, help_text="Part of the next published Book.")


class Drafted(Form):
    """What is answered of every draft."""

    slug = serializers.CharField()
    version = serializers.IntegerField(help_text="Counts its revisions; the ETag.")
    updated = serializers.DateTimeField()
    words = serializers.CharField(required=False, help_text="What its condition says.")


class SegmentSerializer(Drafted, SegmentBody):
    """A segment, how many people it has, and which of its versions answers."""

    answers = serializers.IntegerField(allow_null=True, help_text="The version that answers; null before there is one.")
    coming = serializers.IntegerField(allow_null=True, help_text="The version that is being filled.")
    people = serializers.IntegerField(allow_null=True, help_text="Counted within the hour; null before that.")


class BlockSerializer(Drafted, BlockBody):
    """A block."""


class SlotSerializer(Drafted, SlotBody):
    """A slot."""


class OfferSerializer(Drafted, OfferBody):
    """An offer."""


class RuleSerializer(Drafted, RuleBody):
    """A rule."""


class RevisionSerializer(Form):
    """What a definition said after one edit."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    definition = serializers.DictField(allow_null=True, required=False, help_text="null: it was removed.")


class LineSerializer(Form):
    mark = serializers.CharField(allow_blank=True, help_text="`+` came, `-` went, `…` others are left out.")
    text = serializers.CharField(allow_blank=True)


class DifferenceSerializer(Form):
    """A field in which two revisions differ, in words; of texts, the lines."""

    field = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    lines = LineSerializer(many=True)


class DiffSerializer(Form):
    before = serializers.IntegerField(allow_null=True)
    after = serializers.IntegerField(allow_null=True)
    differences = DifferenceSerializer(many=True)
