"""Every page of the Studio that links lead to, found by following them: one address for each name of a URL."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, resolve

Get = Callable[[str], tuple[int, str, str]]

START = "/studio/"
NOT_PAGES = {"studio:sign_out", "studio:catalog"}
MAX_LOOKS = 400

_LINK = re.compile(r'<a\b[^>]*?\bhref="([^"#]+)')


def find_pages(get: Get) -> dict[str, str]:
    """{name of the URL: path} of every page that `get` (a path to status, content type and text) reaches by links from
    the overview."""
    pages: dict[str, str] = {}
    waiting, seen = [START], {START}
    while waiting and len(seen) < MAX_LOOKS:
        path = waiting.pop(0)
        try:
            name = resolve(urlsplit(path).path).view_name
        except Resolver404:
            raise AssertionError(f"a link leads nowhere: {path}") from None
        if name in pages or name in NOT_PAGES:
            continue
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
