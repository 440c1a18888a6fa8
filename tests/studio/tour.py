"""Every page of the Studio, found as people find it: by following what leads on, from the overview."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, resolve

START = "/studio/"
LOOKS_AT_EACH = 3  # addresses of one name; of those with a mark in them, all
LEFT_ALONE = {"studio:sign_out", "studio:catalog"}
NOT_GET, GONE_ON = 405, range(300, 400)

_LEADS_ON = re.compile(r'\s(href|action|formaction|hx-get|hx-post|data-[a-z-]+)="(/studio/[^"#]*|\?[^"#]*)')
_AS_PARTS = ("hx-get", "hx-post")
_DRAWS = re.compile(r'icons[^"#]*\.svg#([^"]*)"')


class Answer(NamedTuple):
    status: int
    kind: str  # its content type
    text: str

    @property
    def is_page(self) -> bool:
        return self.status == 200 and "text/html" in self.kind and "<html" in self.text


Get = Callable[[str, bool], Answer]  # of a path, as the part of a page or not


@dataclass
class Tour:
    """`pages`: of each name of a URL, the address whose page has the most on it; `parts`: an address of each that pages
    ask for themselves. `reached`: the names of all that answered, parts and moves included. `wrong`: what did not.
    `icons`: the names of those that are drawn anywhere."""

    pages: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    icons: set[str] = field(default_factory=set)


def take_tour(get: Get, *, mark: str, also: Mapping[str, str]) -> Tour:
    """Looks at all that pages and their parts lead to; `also` are addresses by name that nothing leads to."""
    tour, longest = Tour(), dict[str, int]()
    looks: dict[tuple[str, bool], int] = {}
    waiting = [(START, False, "the beginning"), *((path, False, "the test") for path in also.values())]
    seen = {(path, is_part) for path, is_part, _ in waiting}
    while waiting:
        path, is_part, origin = waiting.pop(0)
        try:
            name = resolve(urlsplit(path).path).view_name
        except Resolver404:
            tour.wrong.append(f"{origin} leads nowhere: {path}")
            continue
        looks[name, is_part] = looks.get((name, is_part), 0) + 1
        if name in LEFT_ALONE or (looks[name, is_part] > LOOKS_AT_EACH and mark not in path):
            continue
        answer = get(path, is_part)
        if answer.status == NOT_GET:
            continue
        if answer.status >= 400:
            tour.wrong.append(f"{origin} leads to {path}, which is answered with {answer.status}")
            continue
        tour.reached.add(name)
        if is_part and not answer.is_page:
            tour.parts.setdefault(name, path)
        if answer.is_page and len(answer.text) > longest.get(name, 0):
            tour.pages[name], longest[name] = path, len(answer.text)
        if "text/html" not in answer.kind:
            continue
        tour.icons.update(_DRAWS.findall(answer.text))
        for attribute, said in _LEADS_ON.findall(answer.text):
            found = (urljoin(path, unescape(said)), attribute in _AS_PARTS)
            if found not in seen:
                seen.add(found)
                waiting.append((*found, path))
    return tour
