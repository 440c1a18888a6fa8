"""Static files: compressed for who takes it, asked for again after a while, and nothing outside their folders."""

import gzip
import os
from pathlib import Path

import httpx
import pytest

from personalization.static_files import StaticApp, list_static_files, takes_gzip
from tests.house.asking import ask
from tests.product import ROOT, Product

SNIPPET = "/static/tracker/pz.js"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "words.js").write_text("let words = 'many';\n" * 100)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG, and so on")
    return tmp_path


@pytest.fixture
def app(folder: Path) -> StaticApp:
    return StaticApp({f"/static/{place.name}": place for place in folder.iterdir()})


def test_the_running_product_serves_the_snippet_compressed(running_product: Product) -> None:
    with httpx.Client(base_url=running_product.url) as client:
        answer = client.get(SNIPPET, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.content == (ROOT / "static/tracker/pz.js").read_bytes()
        known = {"Accept-Encoding": "gzip", "If-None-Match": answer.headers["etag"]}
        assert client.get(SNIPPET, headers=known).status_code == 304


def test_browsing_the_running_product_raises_no_warning(running_product: Product) -> None:
    said = len(running_product.output)
    with httpx.Client(base_url=running_product.url, follow_redirects=True) as client:
        for path in ("/", "/demo/", "/admin/", SNIPPET, "/static/admin/css/base.css"):
            assert client.get(path).status_code == 200
        assert client.get("/favicon.ico").status_code == 404
        assert client.get("/static/none.js").status_code == 404
    new = running_product.output[said:].lower()
    assert "warning" not in new
    assert "traceback" not in new


def test_djangos_own_files_are_among_them() -> None:
    places = list_static_files("/static/")
    assert places["/static/tracker/pz.js"] == ROOT / "static/tracker/pz.js"
    assert "/static/admin/css/base.css" in places


async def test_who_takes_no_gzip_gets_the_file_as_it_is(app: StaticApp, folder: Path) -> None:
    plain, packed = await ask(app, "/static/words.js"), await ask(app, "/static/words.js", accept_encoding="br, gzip")
    assert "content-encoding" not in plain.headers
    assert plain.body == gzip.decompress(packed.body) == (folder / "words.js").read_bytes()
    assert plain.headers["etag"] != packed.headers["etag"]
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert [int(each.headers["content-length"]) for each in (plain, packed)] == [len(plain.body), len(packed.body)]


async def test_what_is_compressed_already_is_left_alone(app: StaticApp) -> None:
    answer = await ask(app, "/static/picture.png", accept_encoding="gzip")
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "image/png"


async def test_who_has_it_is_told_so(app: StaticApp) -> None:
    headers = (await ask(app, "/static/words.js")).headers
    tag, date = headers["etag"], headers["last-modified"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await ask(app, "/static/words.js", if_none_match=known)
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
    assert (await ask(app, "/static/words.js", if_modified_since=date)).status == 304
    assert (await ask(app, "/static/words.js", if_none_match='"other"', if_modified_since=date)).status == 200


async def test_a_file_that_changed_is_read_again(app: StaticApp, folder: Path) -> None:
    before = await ask(app, "/static/words.js")
    (folder / "words.js").write_text("let words = 'few';\n")
    os.utime(folder / "words.js", ns=(10**18, 10**18))
    after = await ask(app, "/static/words.js")
    assert after.body == b"let words = 'few';\n"
    assert after.headers["etag"] != before.headers["etag"]


async def test_head_says_the_same_without_the_content(app: StaticApp) -> None:
    asked, told = await ask(app, "/static/words.js"), await ask(app, "/static/words.js", "HEAD")
    assert (told.status, told.headers, told.body) == (200, asked.headers, b"")


@pytest.mark.parametrize("path", ["/static/", "/static/none.js", "/static/../manage.py", "/static//etc/passwd"])
async def test_there_is_nothing_else(app: StaticApp, path: str) -> None:
    assert (await ask(app, path)).status == 404


async def test_a_file_that_was_removed_is_not_there(app: StaticApp, folder: Path) -> None:
    (folder / "words.js").unlink()
    assert (await ask(app, "/static/words.js")).status == 404


async def test_nothing_can_be_sent_there(app: StaticApp) -> None:
    answer = await ask(app, "/static/words.js", "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP", "gzip;q=0.5", "*", "deflate, gzip; q=1.0"])
def test_gzip_is_taken(accepted: str) -> None:
    assert takes_gzip(accepted.encode())


@pytest.mark.parametrize("accepted", ["", "br", "identity", "gzip;q=0", "*, gzip; q=0.000", "xgzip"])
def test_gzip_is_not_taken(accepted: str) -> None:
    assert not takes_gzip(accepted.encode())
