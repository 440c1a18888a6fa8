"""What is done to a block from its page: copied, removed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext

from rules.drafts import save_draft
from rules.models import Block
from studio.free_names import find_free_name
from studio.pages import find_by, needs
from studio.roles import Ability
from studio.saving import try_to_remove

ACTS = ("GET", "POST")  # with GET nothing is done, and one is led to the page


@needs(Ability.EDIT, methods=ACTS)
def copy_block(request: HttpRequest, slug: str) -> HttpResponse:
    """Another draft that says the same."""
    block = get_object_or_404(Block, slug=slug)
    if request.method != "POST":
        return redirect("studio:block", slug)
    name, free = find_free_name(block)
    copy = Block(
        name=name,
        slug=free,
        kind=block.kind,
        source=block.source,
        subject=block.subject,
        text=block.text,
        shape=block.shape,
        fallback=block.fallback,
    )
    save_draft(copy, by=find_by(request), at=timezone.now(), note=f"A copy of {slug}"[:200])
    messages.success(request, gettext("This is a copy of “%(name)s”.") % {"name": block.name})
    return redirect("studio:block", free)


@needs(Ability.EDIT, methods=ACTS)
def remove_block(request: HttpRequest, slug: str) -> HttpResponse:
    """Removed, unless something shows it; its history stays, and brings it back."""
    block = get_object_or_404(Block, slug=slug)
    if request.method != "POST":
        return redirect("studio:block", slug)
    if not try_to_remove(request, block):
        return redirect("studio:block", slug)
    said = gettext("“%(name)s” is removed. Its history can bring it back.") % {"name": block.name}
    messages.success(request, said)
    return redirect("studio:block_history", slug)
