"""Every page of the Studio that links lead to, found by following them: one address for each name of a URL."""

import re
from html import unescape
from urllib.parse import urlsplit

import httpx
from django.urls import Resolver404, resolve

START = "/studio/"
NOT_PAGES = {"studio:sign_out", "studio:catalog"}
MAX_LOOKS = 400

_LINK = re.compile(r'<a\b[^>]*?\bhref="([^"#]+)')


def find_pages(url: str, cookies: dict[str, str]) -> dict[str, str]:
    """{name of the URL: path} of every page that a member with these cookies can reach by links from the overview."""
    pages: dict[str, str] = {}
    waiting, seen = [START], {START}
    with httpx.Client(base_url=url, cookies=cookies, timeout=60) as client:
        while waiting and len(seen) < MAX_LOOKS:
            path = waiting.pop(0)
            try:
                name = resolve(urlsplit(path).path).view_name
            except Resolver404:
                raise AssertionError(f"a link leads nowhere: {path}") from None
            if name in pages or name in NOT_PAGES:
                continue
            answer = client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.status_code}"
            if "text/html" not in answer.headers["content-type"] or "<html" not in answer.text:
                continue
            pages[name] = path
            for link in _LINK.findall(answer.text):
                target = str(httpx.URL(path).join(unescape(link)))
                if target.startswith(START) and target not in seen:
                    seen.add(target)
                    waiting.append(target)
    return pages
