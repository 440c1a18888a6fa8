"""What was decided for whom, why, and what came of it."""

from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q
from django.urls import path
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.errors import CallRefused
from personalization.paging import read_time, take_page
from personalization.replaying import explain_decision
from personalization.rest.fields import OF_PAGE, page_of
from personalization.rest.pagination import answer_page, read_cursor, read_limit, read_moment
from personalization.rest.people import read_person, read_uuid
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from personalization.wiring import read_memory
from profiles.queries import TAKEN_OVER, list_former
from rules.models import Decision, DecisionOutcome

TAG = "Decisions"
MOST_OUTCOMES = 100  # told of one decision

Form = serializers.Serializer[Any]


class SuppressedSerializer(Form):
    """A rule that held and was not shown."""

    rule = serializers.CharField()
    why = serializers.CharField()


class AnswerSerializer(Form):
    """What one slot was answered."""

    slot = serializers.CharField()
    reason = serializers.CharField(help_text="docs/reference/decide.md has every reason.")
    block = serializers.CharField(allow_null=True)
    rule = serializers.CharField(allow_null=True)
    segments = serializers.ListField(child=serializers.CharField())
    suppressed = SuppressedSerializer(many=True)
    held = serializers.BooleanField(help_text="The page showed that rule's block already: nothing was counted anew.")


class DecisionSerializer(Form):
    """One answered question."""

    id = serializers.CharField()
    at = serializers.DateTimeField()
    profileId = serializers.CharField(allow_null=True, help_text="null: somebody who is not to be known.")
    door = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field, no attribute
    book = serializers.IntegerField()
    answers = AnswerSerializer(many=True)


class DecisionOutcomeSerializer(Form):
    """What came of it."""

    kind = serializers.ChoiceField(DecisionOutcome.Kind.choices)
    event = serializers.CharField()
    slot = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    value = serializers.FloatField()
    at = serializers.DateTimeField()


class DecisionDetailSerializer(DecisionSerializer):
    """One answered question, with what it was decided by and what came of it."""

    context = serializers.DictField()  # type: ignore[assignment]  # a field, no attribute
    facts = serializers.DictField(help_text="Segments the person was in, counters and grants that were looked at.")
    outcomes = DecisionOutcomeSerializer(many=True)


class RuleExplainedSerializer(Form):
    """One rule of the slot. `condition` is its tree, with what was observed at every node."""

    rule = serializers.CharField()
    name = serializers.CharField()
    priority = serializers.IntegerField()
    held = serializers.BooleanField()
    shown = serializers.BooleanField(required=False)
    kept = serializers.CharField(required=False, help_text="Why it was not shown, though it held.")
    condition = serializers.DictField(required=False)


class SlotExplainedSerializer(Form):
    """What was recorded of the slot, what the same facts are answered now, and every rule in its turn."""

    recorded = AnswerSerializer()
    answer = serializers.DictField()
    same = serializers.BooleanField()
    rules = RuleExplainedSerializer(many=True)


class ExplanationSerializer(Form):
    """Why a decision was what it was."""

    decisionId = serializers.CharField()
    same = serializers.BooleanField()
    slots = serializers.DictField(child=SlotExplainedSerializer())


class Decisions(Resource):
    tag = TAG

    @operation(
        "listDecisions",
        "List what was decided, the newest first",
        description="Seconds behind. With `rule`, a page can be short or empty while there is a `next`: 20,000 "
        "decisions are looked at for one page.",
        answer=page_of(DecisionSerializer),
        parameters=[
            *OF_PAGE,
            OpenApiParameter("profile", str, description="Whose: a profile id, `u:…` or `a:…`."),
            OpenApiParameter("rule", str, description="Which rule was shown, by its slug."),
            OpenApiParameter("since", str, description="From that moment on; ISO 8601 with an offset."),
            OpenApiParameter("until", str, description="Before that moment."),
        ],
    )
    def get(self, request: Request) -> Response:
        said = request.query_params
        decisions = Decision.objects.defer("context", "facts")
        if "profile" in said:
            decisions = decisions.filter(profile_id__in=list_person(read_person(said["profile"], "profile")))
        if "since" in said:
            decisions = decisions.filter(at__gte=read_moment(said["since"], "since"))
        if "until" in said:
            decisions = decisions.filter(at__lt=read_moment(said["until"], "until"))
        cursor, limit = read_cursor(request, read_time, UUID), read_limit(request)
        matching = Q(answers__contains=[{"rule": said["rule"].replace("\0", "")}]) if "rule" in said else None
        page = take_page(decisions, order=("-at", "-id"), after=cursor, limit=limit, matching=matching)
        return answer_page(request, [describe_decision(each) for each in page.rows], page.after)


class OneDecision(Resource):
    tag = TAG

    @operation("getDecision", "Read one decision, with what came of it", answer=DecisionDetailSerializer)
    def get(self, request: Request, id: str) -> Response:
        decision = find_decision(id)
        outcomes = DecisionOutcome.objects.filter(decision_id=decision.id).order_by("at", "pk")[:MOST_OUTCOMES]
        return Response(
            {
                **describe_decision(decision),
                "context": decision.context,
                "facts": decision.facts,
                "outcomes": [describe_outcome(each) for each in outcomes],
            }
        )


class Explanation(Resource):
    tag = TAG

    @operation(
        "explainDecision",
        "Explain a decision: every rule, and why it was shown or was not",
        description="Answers it again from the Book that decided, the archive and the recorded facts. `same` says that "
        "each slot was chosen the same again; `rules` tells of every rule of the slot whether it held, node by node, "
        "and why it was not shown.",
        answer=ExplanationSerializer,
        codes=("not_explainable",),
    )
    def get(self, request: Request, id: str) -> Response:
        decision = find_decision(id)
        told = msgspec.json.decode(msgspec.json.encode(explain_decision(decision, read_memory())))
        recorded = {each["slot"]: each for each in decision.answers}
        slots = {slot: {**each, "recorded": recorded[slot]} for slot, each in told["slots"].items()}
        return Response({"decisionId": told["decisionId"], "same": told["same"], "slots": slots})


def find_decision(id: str) -> Decision:
    decision = Decision.objects.filter(id=read_uuid(id)).first()
    if decision is None:
        raise CallRefused("not_found", "there is no such decision, or it is not archived yet")
    return decision


def describe_decision(decision: Decision) -> dict[str, Any]:
    return {
        "id": decision.id.hex,
        "at": decision.at,
        "profileId": None if decision.profile_id is None else decision.profile_id.hex,
        "door": decision.door,
        "source": decision.source,
        "book": decision.book,
        "answers": decision.answers,
    }


def describe_outcome(outcome: DecisionOutcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in ("kind", "event", "slot", "rule", "value", "at")}


def list_person(profile_id: UUID) -> list[UUID]:
    """The person's profile, and those that became part of it."""
    return [profile_id, *list_former(profile_id)[:TAKEN_OVER]]


urlpatterns = [
    path("decisions", Decisions.as_view()),
    path("decisions/<str:id>", OneDecision.as_view()),
    path("decisions/<str:id>/explanation", Explanation.as_view()),
]
