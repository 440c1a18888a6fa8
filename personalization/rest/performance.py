"""What became of rules: shown, seen, clicked, and the orders that followed."""

from datetime import timedelta
from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.errors import CallRefused
from personalization.rest.pagination import read_moment
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from rules.performance import measure_rules

USUAL, MOST = timedelta(days=30), timedelta(days=92)

Form = serializers.Serializer[Any]


class RulePerformanceSerializer(Form):
    """One rule. Orders count for seven days after a person was shown the rule."""

    rule = serializers.CharField()
    shown = serializers.IntegerField(help_text="Decisions.")
    people = serializers.IntegerField()
    impressions = serializers.IntegerField(help_text="Decisions of which the block was seen.")
    clicks = serializers.IntegerField(help_text="Decisions of which the block was clicked.")
    orders = serializers.IntegerField()
    value = serializers.FloatField(help_text="What the orders were worth.")


class PerformanceSerializer(Form):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    rules = RulePerformanceSerializer(many=True, help_text="The one shown most first.")


class Performance(Resource):
    tag = "Content"

    @operation(
        "measureRules",
        "Measure what became of every rule that was shown",
        description=f"Of at most {MOST.days} days; of the last {USUAL.days} if nothing is said.",
        answer=PerformanceSerializer,
        parameters=[
            OpenApiParameter("since", str, description="From that moment on; ISO 8601 with an offset."),
            OpenApiParameter("until", str, description="Before that moment; now if absent."),
        ],
        codes=("bad_parameter",),
    )
    def get(self, request: Request) -> Response:
        said = request.query_params
        until = read_moment(said["until"], "until") if "until" in said else timezone.now()
        try:
            since = read_moment(said["since"], "since") if "since" in said else until - USUAL
            is_fine = since < until <= since + MOST
        except OverflowError:
            is_fine = False
        if not is_fine:
            raise CallRefused("bad_parameter", f"since is before until, by at most {MOST.days} days")
        rules = [each._asdict() for each in measure_rules(since=since, until=until)]
        return Response({"since": since, "until": until, "rules": rules})


urlpatterns = [path("rules/performance", Performance.as_view())]
