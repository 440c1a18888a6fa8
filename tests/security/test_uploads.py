"""Uploads: what is too large, unpacks to too much or is called as no file should be is refused with a sentence, before
memory or disk has it. What each kind of file may say is in tests/segments, tests/rules and tests/studio."""

import gzip
import io
import resource
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from PIL import Image as Drawing

from profiles.clients import Client
from rules.models import Image, OfferCode
from segments.models import Segment
from tests.doors.conftest import put_in_force
from tests.doors.keyring import EVERY, keep_tokens, name_secret
from tests.studio.people import sign_in
from tests.studio.test_offers import make_offer

pytestmark = pytest.mark.django_db
BEARER = {"Authorization": f"Bearer {name_secret(*EVERY, has=True)}"}
MB = 1_000_000
PLAIN_BOMB = gzip.compress(b"A-1\n" * 15 * MB, 1)  # few bytes, 60 MB of lines
BOMB = gzip.compress(PLAIN_BOMB, 1)


@pytest.fixture(autouse=True)
def small(settings: Any, tmp_path: Path, redis_client: Client) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PZ_MAX_LIST_BYTES, settings.PZ_MAX_IMAGE_BYTES = 200_000, 100_000
    put_in_force(redis_client)
    keep_tokens(redis_client)
    return tmp_path


@contextmanager
def little_memory(most: int = 30 * MB) -> Iterator[None]:
    """What is made meanwhile never comes to more, and no file to more than 20 MB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 * MB, before[1]))
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert peak < most


def picture(width: int = 20, height: int = 20) -> bytes:
    out = io.BytesIO()
    Drawing.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


def claim_size(png: bytes, width: int, height: int) -> bytes:
    """The same picture, whose header says that it has many more pixels: to make one that has them takes the memory that
    it is about."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def send(browser: Browser, path: str, field: str, name: str, content: bytes, **more: str) -> Any:
    return browser.post(path, {field: SimpleUploadedFile(name, content), **more})


@pytest.mark.parametrize("bomb", [BOMB, PLAIN_BOMB], ids=["packed twice", "packed once"])
def test_codes_that_unpack_to_too_much_are_refused(bomb: bytes) -> None:
    make_offer()
    owner = sign_in("owner")
    with little_memory():
        answer = send(owner, "/studio/content/offers/sale/upload/", "file", "codes.csv.gz", bomb)
    assert answer.status_code == 422
    assert OfferCode.objects.count() == 0


@pytest.mark.parametrize("bomb", [BOMB, PLAIN_BOMB], ids=["packed twice", "packed once"])
def test_a_list_that_unpacks_to_too_much_is_refused(bomb: bytes) -> None:
    Segment.objects.create(slug="buyers", name="Buyers", kind="list")
    owner = sign_in("owner")
    with little_memory():
        answer = send(owner, "/studio/audiences/buyers/upload/", "file", "ids.gz", bomb, how="add", column="")
    assert answer.status_code == 422


def test_a_list_that_is_too_large_is_refused_with_its_size() -> None:
    Segment.objects.create(slug="buyers", name="Buyers", kind="list")
    answer = send(sign_in("owner"), "/studio/audiences/buyers/upload/", "file", "ids.csv", b"12\n" * 100_000)
    assert answer.status_code == 422
    assert "300,000 bytes" in answer.content.decode()


def test_codes_over_rest_are_refused_before_they_are_read_whole() -> None:
    make_offer()
    for body in (b"A-1\n" * 2 * MB, BOMB, PLAIN_BOMB):
        with little_memory(40 * MB):
            answer = Browser().generic("POST", "/api/v1/offers/sale/codes", body, content_type="*/*", headers=BEARER)
        assert answer.status_code in (400, 413, 422), answer.content
        assert answer.json()["message"]
    assert OfferCode.objects.count() == 0


def test_a_file_of_definitions_that_is_too_large_is_refused() -> None:
    body = b'{"v": 1, "slots": [' + b" " * 17 * MB + b"]}"
    answer = Browser().generic("POST", "/api/v1/definitions", body, content_type="application/json", headers=BEARER)
    assert answer.status_code == 413, answer.content
    assert "bytes" in answer.json()["message"]


@pytest.mark.parametrize(
    "content",
    [
        claim_size(picture(), 60_000, 60_000),
        picture() + bytes(200_000),
        b"GIF89a" + bytes(50),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        gzip.compress(picture()),
        BOMB,
    ],
    ids=["many pixels", "heavy", "no GIF", "SVG", "packed", "bomb"],
)
def test_an_image_that_is_none_or_too_much_is_refused(small: Path, content: bytes) -> None:
    with little_memory():
        answer = send(sign_in("owner"), "/studio/content/images/", "files", "picture.png", content)
    assert answer.status_code == 422
    assert Image.objects.count() == 0 and list_files(small) == []


@pytest.mark.parametrize(
    "name",
    [
        *("../../evil.png", "/etc/cron.d/evil.png", "..\\..\\evil.png", "C:\\evil.png", "evil.png\x00.html"),
        *("evil.html", "evil.php.png", ".htaccess", "a" * 300 + ".png", "‮gnp.exe", "con.png"),
    ],
)
def test_the_name_of_an_image_says_nothing_of_where_it_is_stored(small: Path, name: str) -> None:
    owner = sign_in("owner")
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: text/html\r\n\r\n'
    body = head.encode() + picture() + b"\r\n--x--\r\n"
    answer = owner.generic("POST", "/studio/content/images/", body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code in (302, 422), answer.content[:300]
    for path in list_files(small):
        assert path.parent == small / "media"
        assert path.suffix == ".png" and len(path.stem) == 32


def list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_form_of_very_many_fields_is_refused() -> None:
    fields = "&".join(f"f{number}=1" for number in range(5_000))
    kind = "application/x-www-form-urlencoded"
    answer = sign_in("owner").generic("POST", "/studio/account/language/", fields, content_type=kind)
    assert answer.status_code == 400
