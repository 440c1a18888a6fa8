"""The pages of images: the list, uploads, what they show, and the part of a block's editor that picks one."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from rules.drafts import InUse
from rules.images import add_image, count_showing, describe_anew, find_showing, name_file, remove_image
from rules.models import Image
from rules.pictures import KINDS, MIMES, BadPicture
from studio.blocks.addresses import read_base
from studio.forms import StudioForm
from studio.lists import Column, Listing
from studio.pages import StudioRequest, find_by, needs, refuse, show
from studio.roles import Ability
from studio.uploads import leave_for

AT_ONCE = 20  # files of one upload
PICKED = 60  # images in the picker

LISTING = Listing(
    columns=(
        Column(_("Image")),
        Column(_("Name"), ("name",)),
        Column(_("Size"), ("size",), "number"),
        Column(_("Used by")),
        Column(_("Uploaded"), ("at",)),
    ),
    search=("name", "alt", "file"),
    sort="-at",
)


class ImageForm(StudioForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    alt = forms.CharField(
        label=_("What it shows"),
        max_length=300,
        required=False,
        help_text=_("Read out to those who do not see it. Blocks take it over when the image is put into them."),
    )


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_images(request: StudioRequest) -> HttpResponse:
    """The list; with POST files are taken in, and of those that are not it is said why."""
    refused: list[tuple[str, str]] = []
    if request.method == "POST":
        if not request.visitor.may(Ability.EDIT):
            return refuse(request, request.visitor, Ability.EDIT)
        refused = _take(request)
        if not refused:
            return leave_for(request, "studio:images")
    listing = LISTING.show(request, Image.objects.all())
    showing = count_showing(listing.rows)
    context = {
        "title": gettext("Images"),
        "listing": listing,
        "images": [(image, showing[name_file(image)]) for image in listing.rows],
        "refused": refused,
        **_limits(),
    }
    return show(request, "studio/blocks/images.html", context, status=422 if refused else 200)


@needs(Ability.LOOK, methods=("GET", "HEAD", "POST"))
def show_image(request: StudioRequest, pk: int) -> HttpResponse:
    """One image; with POST it is called otherwise."""
    image = get_object_or_404(Image, pk=pk)
    form = ImageForm(request.POST or None, initial={"name": image.name, "alt": image.alt})
    if request.method == "POST":
        if not request.visitor.may(Ability.EDIT):
            return refuse(request, request.visitor, Ability.EDIT)
        if form.is_valid():
            describe_anew(image, **form.cleaned_data, by=find_by(request), at=timezone.now())
            messages.success(request, gettext("Saved."))
            return redirect("studio:image", pk)
    context = {
        "title": image.name,
        "image": image,
        "form": form,
        "blocks": find_showing(name_file(image)),
        "address": read_base(request) + image.file.url,
    }
    return show(request, "studio/blocks/image.html", context, status=422 if form.errors else 200)


@needs(Ability.EDIT, methods=("GET", "POST"))
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Removed, unless a block shows it."""
    image = get_object_or_404(Image, pk=pk)
    if request.method != "POST":
        return redirect("studio:image", pk)
    try:
        remove_image(image, by=find_by(request), at=timezone.now())
    except InUse as error:
        messages.error(request, gettext("Nothing was removed: %(why)s.") % {"why": error})
        return redirect("studio:image", pk)
    messages.success(request, gettext("“%(name)s” is removed.") % {"name": image.name})
    return redirect("studio:images")


@needs(Ability.EDIT, methods=("GET", "POST"))
def show_picker(request: HttpRequest) -> HttpResponse:
    """The images to pick from, in the editor; with POST one is uploaded, and comes first."""
    refused = _take(request, is_quiet=True) if request.method == "POST" else []
    words = request.GET.get("q", "").replace("\0", "").strip()[:200]
    images = Image.objects.order_by("-at", "-pk")
    if words:
        images = images.filter(name__icontains=words) | images.filter(alt__icontains=words)
    context = {
        "images": images[:PICKED],
        "refused": refused,
        "words": words,
        "base": read_base(request),
        "is_upload": request.method == "POST",
        **_limits(),
    }
    return show(request, "studio/blocks/image_picker.html", context, status=422 if refused else 200)


def _take(request: HttpRequest, *, is_quiet: bool = False) -> list[tuple[str, str]]:
    """Takes the files of a request in; returns those that were refused, and why."""
    files: list[Any] = request.FILES.getlist("files")
    if not files:
        return [("", gettext("Choose a file first."))]
    refused, taken, known = [], 0, 0
    for file in files[:AT_ONCE]:
        name = str(file.name).rpartition(".")[0] or str(file.name)
        try:
            found = add_image(file, name=name.replace("\0", ""), by=find_by(request), at=timezone.now())
        except BadPicture as error:
            refused.append((str(file.name), str(error)))
        else:
            taken, known = taken + found.is_new, known + (not found.is_new)
    for file in files[AT_ONCE:]:
        said = gettext("At most %(most)s files at once; upload it next.") % {"most": AT_ONCE}
        refused.append((str(file.name), said))
    if is_quiet:
        return refused
    if taken:
        said = ngettext("%(number)s image is uploaded.", "%(number)s images are uploaded.", taken)
        messages.success(request, said % {"number": taken})
    if known:
        said = ngettext("%(number)s image was there already.", "%(number)s images were there already.", known)
        messages.info(request, said % {"number": known})
    return refused


def _limits() -> dict[str, Any]:
    return {
        "most_megabytes": settings.PZ_MAX_IMAGE_BYTES // 1_000_000 or 1,
        "most_megapixels": settings.PZ_MAX_IMAGE_PIXELS // 1_000_000 or 1,
        "accept": ",".join(MIMES.values()),
        "kinds": gettext(KINDS),
    }
