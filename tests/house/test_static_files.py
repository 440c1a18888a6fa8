"""Static files of the running product: compressed for who takes it, asked for again after a while, and no others."""

import httpx
import pytest

from tests.product import ROOT, Product

SNIPPET = "/static/tracker/pz.js"
CONTENT = (ROOT / "static/tracker/pz.js").read_bytes()


def get(product: Product, path: str, **headers: str) -> httpx.Response:
    named = {"accept-encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(product.url + path, headers=named)


def test_the_snippet_is_compressed_for_who_takes_it(running_product: Product) -> None:
    packed, plain = get(running_product, SNIPPET, accept_encoding="gzip"), get(running_product, SNIPPET)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == CONTENT
    assert int(packed.headers["content-length"]) < len(CONTENT) / 2
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


def test_pages_of_any_site_may_load_the_snippet_and_ask_again_soon(running_product: Product) -> None:
    headers = get(running_product, SNIPPET).headers
    assert headers["content-type"].startswith("text/javascript")
    assert headers["cache-control"] == "max-age=300, public"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-content-type-options"] == "nosniff"


def test_who_has_it_is_told_so(running_product: Product) -> None:
    headers = get(running_product, SNIPPET).headers
    assert get(running_product, SNIPPET, if_none_match=headers["etag"]).status_code == 304
    assert get(running_product, SNIPPET, if_modified_since=headers["last-modified"]).status_code == 304
    assert get(running_product, SNIPPET, if_none_match='"other"').status_code == 200


@pytest.mark.parametrize("path", ["/static/", "/static/none.js", "/static/..%2fmanage.py", "/static//etc/passwd"])
def test_there_is_nothing_else(running_product: Product, path: str) -> None:
    assert get(running_product, path).status_code == 404


def test_nothing_can_be_sent_there(running_product: Product) -> None:
    assert httpx.post(running_product.url + SNIPPET).status_code == 405


def test_browsing_raises_no_warning(running_product: Product) -> None:
    said = len(running_product.output)
    with httpx.Client(base_url=running_product.url, follow_redirects=True) as client:
        for path in ("/", "/demo/", "/admin/", SNIPPET, "/static/admin/css/base.css"):
            assert client.get(path).status_code == 200
        assert client.get("/favicon.ico").status_code == 404
        assert client.get("/static/none.js").status_code == 404
    new = running_product.output[said:].lower()
    assert "warning" not in new
    assert "traceback" not in new
