"""Images: really decoded and written anew, bounded, served for ever under what is in them, never removed in use."""

import asyncio
import io
import re
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Picture
from PIL.ExifTags import Base

from personalization.media_files import serve_media
from profiles.models import AuditEntry
from rules.actions import publish_book
from rules.drafts import save_draft
from rules.markup import clean_html
from rules.models import Block, Image, Slot
from rules.pictures import BadPicture, read_picture
from tests.studio.people import sign_in

pytestmark = pytest.mark.django_db

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
BOUNDS = {"most_bytes": 1_000_000, "most_pixels": 1_000_000}


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def draw(kind: str = "PNG", size: tuple[int, int] = (40, 20), colour: str = "red", **more: Any) -> bytes:
    out = io.BytesIO()
    Picture.new("RGB", size, colour).save(out, kind, **more)
    return out.getvalue()


def upload(client: Client, *files: tuple[str, bytes]) -> Any:
    return client.post("/studio/content/images/", {"files": [SimpleUploadedFile(*each) for each in files]})


def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    said = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(serve_media({"path": path, "method": method, "headers": said}, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_written_anew_without_its_metadata(kind: str) -> None:
    exif = Picture.Exif()
    exif[Base.Make] = "A camera at home"
    more: dict[str, Any] = {} if kind == "GIF" else {"exif": exif}
    raw = draw(kind, **more) + b"<script>alert(1)</script>"
    found = read_picture(io.BytesIO(raw), **BOUNDS)
    assert (found.width, found.height) == (40, 20)
    assert b"camera" not in found.content and b"script" not in found.content
    with Picture.open(io.BytesIO(found.content)) as again:
        assert (again.format, again.size, dict(again.getexif())) == (kind, (40, 20), {})


def test_a_photograph_stands_as_it_was_taken() -> None:
    exif = Picture.Exif()
    exif[Base.Orientation] = 6
    found = read_picture(io.BytesIO(draw("JPEG", exif=exif)), **BOUNDS)
    assert (found.width, found.height) == (20, 40)


def test_an_animation_keeps_its_frames() -> None:
    frames = [Picture.new("RGB", (10, 10), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    found = read_picture(io.BytesIO(out.getvalue()), **BOUNDS)
    with Picture.open(io.BytesIO(found.content)) as again:
        assert getattr(again, "n_frames", 1) == 3


def make_bomb() -> bytes:
    """A small PNG that says it has 100,000 × 100,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "no picture that is taken"),
        (b"<html>", "no picture that is taken"),
        (b"", "no picture that is taken"),
        (draw("BMP"), "no picture that is taken"),
        (draw("PNG", (400, 400))[:200], "damaged or cut off"),
        (make_bomb(), "more than 1,000,000 pixels"),
        (draw("PNG", (2_000, 600)), "more than 1,000,000 pixels"),
        (draw() + b"\0" * 1_000_000, "more than 1,000,000 bytes"),
    ],
    ids=["svg", "html", "nothing", "bmp", "cut off", "bomb", "large", "heavy"],
)
def test_what_is_no_picture_is_refused_with_its_reason(raw: bytes, why: str) -> None:
    with pytest.raises(BadPicture, match=why):
        read_picture(io.BytesIO(raw), **BOUNDS)


def test_an_upload_is_kept_once_and_served_for_ever(media: Path) -> None:
    client = sign_in("marketer")
    assert upload(client, ("Summer beach.png", draw())).status_code == 302
    assert upload(client, ("again.png", draw())).status_code == 302
    image = Image.objects.get()
    assert (image.name, image.width, image.height) == ("Summer beach", 40, 20)
    assert re.fullmatch(r"[0-9a-f]{32}\.png", str(image.file.name))
    assert [each.name for each in media.iterdir()] == [image.file.name]
    assert AuditEntry.objects.filter(kind="image", act="uploaded").count() == 1
    status, headers, body = ask(image.file.url)
    assert (status, headers["content-type"], len(body)) == (200, "image/png", image.size)
    assert "immutable" in headers["cache-control"] and headers["x-content-type-options"] == "nosniff"
    assert ask(image.file.url, "HEAD")[2] == b""
    assert ask(image.file.url, if_none_match=headers["etag"])[0] == 304
    assert ask(image.file.url, "POST")[0] == 405


@pytest.mark.parametrize("path", ["/media/", "/media/../demo-login", "/media/x.png", f"/media/{'0' * 32}.png"])
def test_nothing_else_is_served(path: str) -> None:
    assert ask(path)[0] == 404


def test_of_several_files_the_bad_ones_are_named_and_the_good_ones_taken() -> None:
    answer = upload(sign_in("marketer"), ("good.png", draw()), ("bad.svg", b"<svg/>"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "bad.svg" in page and "no picture that is taken" in page
    assert Image.objects.count() == 1


def test_there_are_only_so_many(settings: Any) -> None:
    settings.PZ_MAX_IMAGES = 1
    client = sign_in("marketer")
    upload(client, ("one.png", draw()))
    assert "remove one first" in upload(client, ("two.png", draw(colour="blue"))).content.decode()


def test_a_viewer_uploads_nothing() -> None:
    assert upload(sign_in("viewer"), ("one.png", draw())).status_code == 403
    assert not Image.objects.exists()


def test_an_image_that_a_block_shows_stays_until_no_block_and_no_book_does(
    media: Path, django_capture_on_commit_callbacks: Any
) -> None:
    client = sign_in("marketer")
    upload(client, ("one.png", draw()))
    image = Image.objects.get()
    block = Block(slug="banner", name="Summer banner", source=f'<img src="https://x.example{image.file.url}" alt="">')
    save_draft(block, by=None, at=AT)
    assert "Summer banner" in client.get("/studio/content/images/").content.decode()
    where = f"/studio/content/images/{image.pk}/"
    assert "it is used by block banner" in client.post(f"{where}remove/", follow=True).content.decode()
    Slot.objects.create(slug="hero", name="Hero", default=block)
    publish_book(by=None, at=AT)
    block.source = "<p>None</p>"
    save_draft(block, by=None, at=AT)
    assert "block banner of the Book in force" in client.post(f"{where}remove/", follow=True).content.decode()
    publish_book(by=None, at=AT)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{where}remove/")
    assert not Image.objects.exists() and list(media.iterdir()) == []


def test_the_picker_offers_the_whole_address_and_takes_uploads(settings: Any) -> None:
    client = sign_in("marketer")
    file = SimpleUploadedFile("one.png", draw())
    page = client.post("/studio/content/images/picker/", {"files": [file]}).content.decode()
    assert 'data-image="http://testserver/media/' in page and 'data-image-width="40"' in page and "fresh" in page
    settings.PZ_MAIL_URL = "https://engine.example"
    page = client.get("/studio/content/images/picker/?q=one").content.decode()
    assert 'data-image="https://engine.example/media/' in page
    assert "No image is called that" in client.get("/studio/content/images/picker/?q=two").content.decode()


def test_blocks_let_such_images_pass() -> None:
    tag = f'<img src="https://e.example/media/{"a" * 32}.png" alt="A beach" width="40" height="20">'
    assert clean_html(tag) == tag
