"""The pages of blocks: the list, a new one, and the editor."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext

from profiles.organisation import find_zone
from rules.models import Block, Offer
from studio.blocks.forms import BlockForm
from studio.blocks.queries import LISTING, add_columns, list_blocks
from studio.blocks.starts import STARTS
from studio.pages import StudioRequest, needs, refuse, show
from studio.roles import Ability
from studio.saving import save_form
from studio.standing import find_standing
from studio.uses import list_users

SAMPLE_OFFERS = 200  # to choose from in a preview


@needs(Ability.LOOK)
def show_blocks(request: HttpRequest) -> HttpResponse:
    listing = LISTING.show(request, list_blocks())
    context = {"title": gettext("Blocks"), "listing": listing, "blocks": add_columns(listing.rows), "starts": STARTS}
    return show(request, "studio/blocks/list.html", context)


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_block_new(request: HttpRequest) -> HttpResponse:
    """The kinds to choose from; with `?kind=` the editor of a new one."""
    kind = request.GET.get("kind", "")
    if kind not in STARTS:
        return show(request, "studio/blocks/kinds.html", {"title": gettext("New block"), "starts": STARTS})
    block = Block(kind=kind)
    form = BlockForm(request.POST or None, instance=block)
    if request.method == "POST" and save_form(request, form):
        return redirect("studio:block", block.slug)
    return _show_editor(request, block, form, gettext("New block"))


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_block(request: StudioRequest, slug: str) -> HttpResponse:
    """The editor; with POST the draft is saved."""
    block = get_object_or_404(Block.objects.select_related("fallback"), slug=slug)
    name = block.name
    if request.method == "POST":
        if not request.visitor.may(Ability.EDIT):
            return refuse(request, request.visitor, Ability.EDIT)
        form = BlockForm(request.POST, instance=block)
        if save_form(request, form):
            return redirect("studio:block", slug)
        return _show_editor(request, block, form, name)
    return _show_editor(request, block, BlockForm(instance=block), name)


def _show_editor(request: HttpRequest, block: Block, form: BlockForm, name: str) -> HttpResponse:
    is_new = block.pk is None
    stored = None if is_new else list_blocks().get(pk=block.pk)
    context: dict[str, Any] = {
        "title": name,
        "draft": block,
        "start": STARTS[block.kind],
        "form": form,
        "is_new": is_new,
        "standing": None if stored is None else find_standing(stored),
        "users": [] if stored is None else list_users(stored),
        "offers": Offer.objects.order_by("name")[:SAMPLE_OFFERS],
        "zone": find_zone(),
    }
    return show(request, "studio/blocks/editor.html", context, status=422 if form.errors else 200)
