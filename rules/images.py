"""Images of blocks: taken in, found, and removed once no block shows them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import IO, Any, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from profiles.audit import Act, record_act
from profiles.locks import IMAGES, take_turns
from profiles.writing import write_number
from rules.drafts import InUse
from rules.models import Block, Book, Image
from rules.pictures import BadPicture, read_picture

KIND = "image"  # in the audit trail


class Taken(NamedTuple):
    """What became of an upload: the image, and whether it was there already."""

    image: Image
    is_new: bool


@transaction.atomic
def add_image(file: IO[bytes], *, name: str, alt: str = "", by: User | None, at: datetime) -> Taken:
    """Takes in an uploaded picture; the same picture is kept once. Raises BadPicture."""
    picture = read_picture(file, most_bytes=settings.PZ_MAX_IMAGE_BYTES, most_pixels=settings.PZ_MAX_IMAGE_PIXELS)
    take_turns(IMAGES)
    known = Image.objects.filter(file=picture.name).first()
    if known is not None:
        return Taken(known, False)
    if Image.objects.count() >= settings.PZ_MAX_IMAGES:
        said = gettext("There are %(most)s images, which is the most; remove one first.")
        raise BadPicture(said % {"most": write_number(settings.PZ_MAX_IMAGES)})
    if not default_storage.exists(picture.name):
        default_storage.save(picture.name, ContentFile(picture.content))
    image = Image.objects.create(
        name=name[:120] or picture.name,
        alt=alt,
        file=picture.name,
        width=picture.width,
        height=picture.height,
        size=len(picture.content),
        by=by,
        at=at,
    )
    record_act(
        Act.UPLOADED, by=by, at=at, kind=KIND, subject=picture.name, name=image.name, after=describe_image(image)
    )
    return Taken(image, True)


@transaction.atomic
def describe_anew(image: Image, *, name: str, alt: str, by: User | None, at: datetime) -> None:
    """Says otherwise what an image is called and shows; blocks keep what they say of it."""
    before = describe_image(image)
    image.name, image.alt = name, alt
    if (after := describe_image(image)) != before:
        image.save(update_fields=["name", "alt"])
        subject = name_file(image)
        record_act(Act.CHANGED, by=by, at=at, kind=KIND, subject=subject, name=name, before=before, after=after)


@transaction.atomic
def remove_image(image: Image, *, by: User | None, at: datetime) -> None:
    """Removes an image that neither a block nor the Book in force shows. Raises InUse."""
    name = name_file(image)
    if users := [
        *(gettext("block %(slug)s") % {"slug": block.slug} for block in find_showing(name)),
        *_find_published(name),
    ]:
        raise InUse(dict.fromkeys(users))
    record_act(Act.REMOVED, by=by, at=at, kind=KIND, subject=name, name=image.name, before=describe_image(image))
    image.delete()
    transaction.on_commit(lambda: default_storage.delete(name))


def find_showing(name: str) -> list[Block]:
    """The blocks that show an image, by its file's name."""
    shows = Q(source__contains=name) | Q(text__contains=name)
    return list(Block.objects.filter(shows).order_by("name"))


def count_showing(images: Iterable[Image]) -> dict[str, list[Block]]:
    """The blocks that show each image, by its file's name: one look, however many they are."""
    names = [name_file(image) for image in images]
    found: dict[str, list[Block]] = {name: [] for name in names}
    if names:
        shows = Q()
        for name in names:
            shows |= Q(source__contains=name) | Q(text__contains=name)
        for block in Block.objects.filter(shows).order_by("name"):
            for name in names:
                if name in block.source or name in block.text:
                    found[name].append(block)
    return found


def name_file(image: Image) -> str:
    """What its file is called, which is what blocks say of it."""
    return str(image.file.name)


def describe_image(image: Image) -> dict[str, Any]:
    return {"name": image.name, "alt": image.alt, "width": image.width, "height": image.height, "size": image.size}


def _find_published(name: str) -> Collection[str]:
    blocks: Any = Book.objects.order_by("-number").values_list("payload__blocks", flat=True).first() or {}
    return [
        gettext("block %(slug)s of the Book in force") % {"slug": slug}
        for slug, said in blocks.items()
        if name in str(said)
    ]
