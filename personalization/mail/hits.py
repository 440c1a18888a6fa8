"""Whether a person or a program opened a message or followed its link, as far as one call can tell. Pure.

Nothing is dropped: each hit is an event that says what it is taken for, and why."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

By = Literal["human", "likely_machine", "unknown"]
Kind = Literal["open", "click"]

SOON_MS = 1_000  # after the message was made; it has to be sent and read first
BURST_LINKS = 3  # of one message within a second
MAX_AGENT = 500  # characters of a User-Agent that are looked at and kept

# Reasons for a program, those for not knowing, and those for a person.
SCANNER, PRIVACY_PROXY, HEAD, PREFETCH = "scanner_agent", "privacy_proxy", "head_request", "prefetch_header"
SOON, BURST = "soon_after_sending", "many_links_at_once"
IMAGE_PROXY, NO_AGENT, NO_SIGN = "image_proxy", "no_agent", "no_sign_of_a_person"
NAVIGATED, BROWSER = "browser_navigation", "browser_agent"
REASONS = (
    *(SCANNER, PRIVACY_PROXY, HEAD, PREFETCH, SOON, BURST),
    *(IMAGE_PROXY, NO_AGENT, NO_SIGN),
    *(NAVIGATED, BROWSER),
)
_OF_PROGRAMS = frozenset({SCANNER, PRIVACY_PROXY, HEAD, PREFETCH, SOON, BURST})

# Mail filters, link previews and libraries name themselves; a person's browser never says any of these.
_SCANNERS = re.compile(
    r"bot\b|crawl|spider|scan(?:ner)?\b|preview|fetch|monitor|headless|phantomjs|puppeteer|playwright"
    r"|barracuda|proofpoint|mimecast|messagelabs|symantec|trendmicro|ironport|forcepoint|fireeye|sophos|safelinks"
    r"|urldefense|cloudmark|bitdefender|kaspersky|mcafee|trustwave|zscaler|checkpoint"
    r"|facebookexternalhit|whatsapp/"
    r"|curl|wget|libwww|lwp|python|httpx|aiohttp|okhttp|java/|go-http|node|axios|ruby|perl|php|powershell|winhttp",
    re.IGNORECASE,
)
_IMAGE_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy|ggpht", re.IGNORECASE)  # fetch when somebody looks
_BROWSERS = re.compile(r"Mozilla/5\.0 \(.+(?:AppleWebKit|Gecko|Trident)/|Thunderbird|Outlook", re.IGNORECASE)
_PRIVACY_PROXY = "Mozilla/5.0"  # Apple's mail privacy says no more, and fetches whatever arrives
_PREFETCHES = ("purpose", "sec-purpose", "x-purpose", "x-moz")


class Hit(NamedTuple):
    """One call of a pixel or a link. Header names are in small letters; `since` is how long ago the message was made,
    in milliseconds; `links` how many different ones of it were followed within this second."""

    kind: Kind
    method: str
    headers: Mapping[str, str]
    since: int
    links: int = 1


class Told(NamedTuple):
    by: By
    reasons: tuple[str, ...]


def tell(hit: Hit) -> Told:
    """Who it was: one sign of a program outweighs all that looks like a person."""
    signs = tuple(_find_signs(hit))
    if any(sign in _OF_PROGRAMS for sign in signs):
        return Told("likely_machine", tuple(sign for sign in signs if sign in _OF_PROGRAMS))
    if signs and signs[0] in (NAVIGATED, BROWSER):
        return Told("human", signs)
    return Told("unknown", signs)


def _find_signs(hit: Hit) -> Sequence[str]:
    agent = hit.headers.get("user-agent", "")[:MAX_AGENT].strip()
    signs = []
    if _IMAGE_PROXIES.search(agent):
        signs.append(IMAGE_PROXY)
    elif agent == _PRIVACY_PROXY:
        signs.append(PRIVACY_PROXY)
    elif _SCANNERS.search(agent):
        signs.append(SCANNER)
    if hit.method == "HEAD":
        signs.append(HEAD)
    if any("prefetch" in (said := hit.headers.get(name, "")) or "preview" in said for name in _PREFETCHES):
        signs.append(PREFETCH)
    if hit.kind == "click" and hit.since < SOON_MS:
        signs.append(SOON)
    if hit.links >= BURST_LINKS:
        signs.append(BURST)
    return signs or [_find_person(hit, agent)]


def _find_person(hit: Hit, agent: str) -> str:
    """The sign that speaks for a person, or why there is none."""
    if not agent:
        return NO_AGENT
    if hit.kind == "click" and hit.headers.get("sec-fetch-mode") == "navigate":
        return NAVIGATED
    if hit.kind == "open" and _BROWSERS.search(agent):
        return BROWSER
    return NO_SIGN
