"""Every page of the Studio that links lead to, found by following them: one address for each name of a URL."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, resolve

Get = Callable[[str], tuple[int, str, str]]

START = "/studio/"
NOT_PAGES = {"studio:sign_out", "studio:catalog"}
MAX_LOOKS = 3  # at what has one name, and may be a download

_LINK = re.compile(r'<a\b[^>]*?\bhref="([^"#]+)')
_LAZY = re.compile(r'<\w+\b(?=[^>]*?\bhx-trigger="[^">]*\bload\b)[^>]*?\bhx-get="([^"]+)"')


def find_pages(get: Get) -> dict[str, str]:
    """{name of the URL: path} of every page that `get` (a path to status, content type and text) reaches by links from
    the overview."""
    pages: dict[str, str] = {}
    looks: Counter[str] = Counter()
    waiting, seen = [START], {START}
    while waiting:
        path = waiting.pop(0)
        name = name_of(path)
        if name in pages or name in NOT_PAGES or looks[name] == MAX_LOOKS:
            continue
        looks[name] += 1
        status, content_type, text = get(path)
        assert status == 200, f"{path}: {status}"
        if "text/html" not in content_type or "<html" not in text:
            continue
        pages[name] = path
        for link in _LINK.findall(text):
            target = urljoin(path, unescape(link))
            if target.startswith(START) and target not in seen:
                seen.add(target)
                waiting.append(target)
    return pages


def find_parts(path: str, text: str) -> Iterator[str]:
    """The addresses of what a page asks for by itself once it is there."""
    for link in _LAZY.findall(text):
        yield urljoin(path, unescape(link))


def name_of(path: str) -> str:
    try:
        return resolve(urlsplit(path).path).view_name
    except Resolver404:
        raise AssertionError(f"a link leads nowhere: {path}") from None
