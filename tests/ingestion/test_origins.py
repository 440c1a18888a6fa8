"""Origins as operators type them come out as browsers send them, or are refused in a sentence."""

import pytest

from ingestion.directory import Source
from ingestion.origins import BadOrigin, read_origin


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://Shop.Example/ ", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[0:0::1]:8000", "http://[::1]:8000"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_what_is_typed_admits_what_browsers_send(typed: str, sent: str) -> None:
    assert read_origin(typed) == sent
    assert Source("s", "S", "wk", (read_origin(typed),)).admits(sent)


def test_a_star_admits_hosts_below() -> None:
    source = Source("s", "S", "wk", (read_origin("https://*.shop.example:8443/"),))
    assert source.admits("https://a.b.shop.example:8443")
    assert not source.admits("https://shop.example:8443")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("shop.example", "does not begin with a scheme"),
        ("null", "does not begin with a scheme"),
        ("https://shop.example/cart", "leave out what belongs to the “/”"),
        ("https://me@shop.example", "leave out what belongs to the “@”"),
        ("https://a b", "leave out"),
        ("https://shop.example:0", "no port between 1 and 65535"),
        ("https://shop.example:", "no port between 1 and 65535"),
        ("https://shop.*.example", "a \\* in the wrong place"),
        ("https://*", "a \\* in the wrong place"),
        ("https://", "no host name"),
        ("https://a..b", "no host name"),
        ("http://[::1", "no IPv6 address"),
        ("http://[zz]", "no IPv6 address"),
        ("https://" + "a." * 120 + "example", "longer than 200"),
    ],
)
def test_what_is_none_is_refused_in_a_sentence(typed: str, says: str) -> None:
    with pytest.raises(BadOrigin, match=says):
        read_origin(typed)
