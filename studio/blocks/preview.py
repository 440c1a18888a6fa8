"""The live preview of a block that is being written: its problems, and what a chosen person would get of it."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
from csp.decorators import csp
from django import forms
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.clickjacking import xframe_options_sameorigin

from personalization.block_preview import Wanted, disarm, preview_block
from personalization.visiting import SAMPLE_CODE, Visit
from personalization.wiring import make_visits, redis_client
from profiles.glimpses import keep_glimpse
from profiles.profile import Profile
from rules.definitions import BlockDefinition
from rules.describe import describe_block
from rules.models import Block, Offer
from rules.problems import Problem, find_problems
from rules.render import BadBlock, RenderFailed
from segments.forms import BadJson, read_json
from studio.blocks.addresses import read_base
from studio.fields import MomentField
from studio.masking import mask, mask_values
from studio.pages import StudioRequest, find_by, needs
from studio.roles import Ability

KEPT_S = 600  # a frame, after it was shown last
MOST = 200_000  # characters of what is sent
FRAME_POLICY = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["*", "data:"],
    "font-src": ["*"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": True,
}
GROUNDS = ("light", "dark")


class LookForm(forms.Form):
    """As whom, when and in which context it is looked at. What is not there is not known."""

    person = forms.UUIDField(required=False)
    at = MomentField(required=False)
    context = forms.CharField(required=False, max_length=20_000)
    data = forms.CharField(required=False, max_length=20_000)  # type: ignore[assignment]  # a form has its own `data`
    offer = forms.SlugField(required=False)
    seat = forms.RegexField(r"^[0-9a-f]{32}\Z", required=False)

    def clean_context(self) -> Mapping[str, Any]:
        return _read_object(self.cleaned_data["context"])

    def clean_data(self) -> Mapping[str, Any]:
        return _read_object(self.cleaned_data["data"])


@needs(Ability.LOOK, methods=("GET", "POST"))
def show_preview(request: StudioRequest) -> HttpResponse:
    """Of the draft that is sent: every problem and, when there is none, where its picture is and what else it says."""
    look = LookForm(request.POST)
    if not look.is_valid():
        told = [{"field": field, "message": " ".join(map(str, errors))} for field, errors in look.errors.items()]
        return JsonResponse({"problems": [], "look": told})
    definition, problems = _read_definition(request.POST)
    problems = problems or find_problems(definition)
    if problems:
        return JsonResponse({"problems": [each._asdict() for each in problems]})
    if look.cleaned_data["person"] is not None and not request.visitor.may(Ability.PEOPLE):
        return JsonResponse({"problems": [], "failed": gettext("Your role does not look at people.")})
    try:
        said = preview_block(
            "preview",
            definition,
            _want(request, look.cleaned_data),
            visits=make_visits(),
            base=read_base(request),
            fallback=_find_fallback(definition),
        )
    except BadBlock as error:
        message = str(error).removeprefix("preview: ")
        return JsonResponse({"problems": [Problem(error.field, message)._asdict()]})
    except RenderFailed as error:
        failed = gettext("For this person it cannot be shown: %(why)s") % {
            "why": str(error).removeprefix("preview: ").removeprefix("Liquid: ")
        }
        return JsonResponse({"problems": [], "failed": failed})
    return JsonResponse({"problems": [], **_answer(request, said, look.cleaned_data["seat"])})


@xframe_options_sameorigin
@csp(FRAME_POLICY)
@needs(Ability.LOOK)
def show_frame(request: HttpRequest, seat: str) -> HttpResponse:
    """What was rendered last at a seat of this login: a page of its own that runs nothing and is in no one's name."""
    html = cache.get(_key(request, seat))
    if html is None:
        return HttpResponse(gettext("This preview is no longer kept; change something to see it again."), status=410)
    ground = request.GET.get("ground", "")
    answer = HttpResponse(html.replace("<html", f'<html data-ground="{ground if ground in GROUNDS else "light"}"', 1))
    answer["Cache-Control"] = "no-store"
    return answer


def _answer(request: HttpRequest, said: dict[str, Any], seat: str) -> dict[str, Any]:
    answer: dict[str, Any] = {field: said[field] for field in ("subject", "text", "fallbackFor") if field in said}
    if "json" in said:
        answer["json"] = json.dumps(said["json"], indent=2, ensure_ascii=False)
    if "html" in said:
        seat = seat or secrets.token_hex(16)
        html = disarm(said["html"])
        if said["kind"] != Block.Kind.EMAIL:
            html = render_to_string("studio/blocks/frame.html", {"html": html})
        else:
            html = html.replace("</head>", f"{render_to_string('studio/blocks/frame_ground.html')}</head>", 1)
        keep_glimpse(redis_client(), _key(request, seat), html, seconds=KEPT_S)
        answer["frame"] = reverse("studio:block_frame", args=[seat])
    return answer


def _key(request: HttpRequest, seat: str) -> str:
    return f"studio:frame:{find_by(request).pk}:{seat}"


def _want(request: StudioRequest, asked: dict[str, Any]) -> Wanted:
    at = asked["at"]
    visit = Visit(
        None if asked["person"] is None else asked["person"].hex,
        None if at is None else int(at.timestamp() * 1_000),
        True,
        request.visitor.user.get_username(),
    )
    hide = None if request.visitor.sees_personal_data else hide_profile
    return Wanted(visit, asked["context"], asked["data"], _find_offer(asked["offer"]), hide)


def hide_profile(profile: Profile) -> Profile:
    """The person as those see them to whom personal data was not granted."""
    traits = {
        name: msgspec.structs.replace(trait, value=mask_values(trait.value, name))
        for name, trait in profile.traits.items()
    }
    user_id = profile.user_id and mask(profile.user_id)
    return msgspec.structs.replace(profile, user_id=user_id, traits=traits)


def _find_offer(slug: str) -> dict[str, Any] | None:
    """What a template can print of an offer, with a code that nobody has."""
    offer = Offer.objects.filter(slug=slug).first() if slug else None
    if offer is None:
        return None
    code = SAMPLE_CODE if offer.kind == Offer.Kind.CODE else ""
    return {"name": offer.name, "kind": offer.kind, "code": code, "points": offer.points}


def _find_fallback(definition: BlockDefinition) -> BlockDefinition | None:
    if definition.kind != Block.Kind.RECOMMENDATION:
        return None
    block = Block.objects.exclude(kind=Block.Kind.RECOMMENDATION).filter(slug=definition.fallback).first()
    return None if block is None else msgspec.convert(describe_block(block), BlockDefinition)


def _read_definition(said: Mapping[str, str]) -> tuple[BlockDefinition, list[Problem]]:
    """The draft as it was typed, and what keeps it from being read at all."""
    texts = {name: said.get(name, "").replace("\r\n", "\n") for name in ("source", "subject", "text", "shape")}
    kind = said.get("kind", "")
    shape, problems = None, []
    if sum(map(len, texts.values())) > MOST:
        problems.append(Problem("source", gettext("It is too long; 200,000 characters are the most.")))
        return BlockDefinition(kind, ""), problems
    if kind == Block.Kind.JSON and texts["shape"].strip() not in ("", "null"):
        try:
            shape = read_json(texts["shape"])
        except BadJson as error:
            problems.append(_of_json("shape", str(error), texts["shape"]))
    fallback = None
    if kind == Block.Kind.RECOMMENDATION and said.get("fallback", "").isdigit():
        fallback = Block.objects.filter(pk=int(said["fallback"][:18])).values_list("slug", flat=True).first()
    mail = {"subject": texts["subject"], "text": texts["text"]} if kind == Block.Kind.EMAIL else {}
    return BlockDefinition(kind, texts["source"], shape=shape, fallback=fallback, **mail), problems


def _of_json(field: str, message: str, text: str) -> Problem:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return Problem(field, message, error.lineno, error.colno)
    return Problem(field, message)


def _read_object(text: str) -> Mapping[str, Any]:
    """A JSON object; empty for an empty text. Raises ValidationError."""
    if not text.strip():
        return {}
    try:
        value = read_json(text)
    except BadJson as error:
        raise forms.ValidationError(str(error)) from error
    if not isinstance(value, dict):
        raise forms.ValidationError(gettext('Write an object, such as {"page": {"path": "/"}}.'))
    return value
