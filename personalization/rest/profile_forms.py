"""What is answered about people, as the OpenAPI document says it, and what can be said of them."""

from typing import Any

from rest_framework import serializers

from personalization.rest.fields import Body
from profiles.consent import MAX_PURPOSE
from profiles.profile import MAX_TRAITS

MAX_PURPOSES = 50

Form = serializers.Serializer[Any]


class PersonSerializer(Form):
    """Somebody in a list."""

    id = serializers.CharField()
    userId = serializers.CharField(allow_null=True)
    firstSeen = serializers.DateTimeField()
    lastSeen = serializers.DateTimeField()
    traits = serializers.DictField()
    segments = serializers.ListField(child=serializers.CharField())
    cluster = serializers.CharField(allow_null=True)


class MembershipSerializer(Form):
    segment = serializers.CharField()
    since = serializers.DateTimeField()


class MomentSerializer(Form):
    """One remembered event: what it was worth, and its indexed properties."""

    at = serializers.DateTimeField()
    value = serializers.FloatField()
    properties = serializers.DictField()


class BehaviourSerializer(Form):
    """All that is known of one event name: lifetime totals, and the newest moments."""

    event = serializers.CharField()
    count = serializers.IntegerField()
    value = serializers.FloatField(help_text="The sum of what the events were worth.")
    first = serializers.DateTimeField()
    last = serializers.DateTimeField()
    recent = MomentSerializer(many=True)


class OrderSerializer(Form):
    """One completed order."""

    at = serializers.DateTimeField()
    orderId = serializers.CharField(allow_null=True)
    revenue = serializers.FloatField()
    currency = serializers.CharField(allow_null=True)
    products = serializers.ListField(child=serializers.DictField())
    messageId = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field, no attribute


class OrdersSerializer(Form):
    count = serializers.IntegerField()
    revenue = serializers.FloatField()
    newest = OrderSerializer(many=True)


class ConsentSerializer(Form):
    granted = serializers.BooleanField()
    at = serializers.DateTimeField()


class ProfileSerializer(Form):
    """One person."""

    id = serializers.CharField()
    userId = serializers.CharField(allow_null=True)
    identifiers = serializers.ListField(child=serializers.CharField())
    firstSeen = serializers.DateTimeField()
    lastSeen = serializers.DateTimeField()
    traits = serializers.DictField()
    consent = serializers.DictField(child=ConsentSerializer())
    segments = MembershipSerializer(many=True)
    cluster = serializers.CharField(allow_null=True)
    scores = serializers.DictField(child=serializers.FloatField())
    behaviour = BehaviourSerializer(many=True)
    transactions = OrdersSerializer()


class HappeningSerializer(Form):
    """One archived event. `entered` and `left` are the segments that changed with it."""

    at = serializers.DateTimeField()
    type = serializers.CharField()
    event = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field, no attribute
    messageId = serializers.CharField()
    value = serializers.FloatField()
    properties = serializers.DictField()
    traits = serializers.DictField()
    entered = serializers.ListField(child=serializers.CharField())
    left = serializers.ListField(child=serializers.CharField())


class ProfileChange(Body):
    """What is to be known of somebody from now on."""

    traits = serializers.DictField(required=False, allow_empty=False)
    consent = serializers.DictField(
        child=serializers.BooleanField(), required=False, allow_empty=False, help_text="By purpose: agreed or not."
    )

    def validate_traits(self, traits: dict[str, Any]) -> dict[str, Any]:
        if len(traits) > MAX_TRAITS:
            raise serializers.ValidationError(f"has more than {MAX_TRAITS} traits", "too_many")
        return traits

    def validate_consent(self, consent: dict[str, bool]) -> dict[str, bool]:
        if not all(0 < len(purpose) <= MAX_PURPOSE for purpose in consent):
            raise serializers.ValidationError(f"a purpose has 1 to {MAX_PURPOSE} characters", "bad_purpose")
        if len(consent) > MAX_PURPOSES:
            raise serializers.ValidationError(f"has more than {MAX_PURPOSES} purposes", "too_many")
        return consent

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if not said:
            raise serializers.ValidationError("name traits, consent or both", "empty")
        return said


class MessageSerializer(Form):
    type = serializers.CharField()
    messageId = serializers.CharField()


class MessagesSerializer(Form):
    """The events that say it."""

    messages = MessageSerializer(many=True)


class ErasureSerializer(Form):
    """The receipt of an erasure. It says who it was to nobody."""

    id = serializers.CharField()
    requested = serializers.DateTimeField()
    by = serializers.CharField()
    done = serializers.DateTimeField(allow_null=True, help_text="null: something is left to be removed.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Rows that were removed, by table.")
