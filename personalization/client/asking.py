"""One decide call for the slots of a page: in bounded time, and never an error of the page."""

import http.client
import json
import logging
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)

COOKIE = "pz_id"  # of the snippet: the anonymousId
TIMEOUT_S = 0.2
MOST_BYTES = 2_000_000  # of an answer
ATTRIBUTE = "_personalize_decisions"


def decide(request: HttpRequest | None, slot: str) -> Mapping[str, Any] | None:
    """The decision for one slot of this page, None where it could not be had in time. The slots of PERSONALIZE_SLOTS
    are asked for together, by the first one that needs an answer."""
    known: dict[str, Any] = {} if request is None else getattr(request, ATTRIBUTE, None) or {}
    if slot not in known:
        wanted = dict.fromkeys([slot, *getattr(settings, "PERSONALIZE_SLOTS", ())])
        known = {**dict.fromkeys(wanted), **_ask(request, wanted), **known}
        if request is not None:
            setattr(request, ATTRIBUTE, known)
    found: Mapping[str, Any] | None = known[slot]
    return found


def _ask(request: HttpRequest | None, slots: Iterable[str]) -> dict[str, Any]:
    question: dict[str, Any] = {"slots": list(slots)}
    if request is not None:
        question |= _identify(request)
        page = {
            "url": request.build_absolute_uri(),
            "path": request.path,
            "referrer": request.headers.get("Referer", ""),
        }
        question["context"] = {"page": page, "userAgent": request.headers.get("User-Agent", "")}
    try:
        answer = _post(json.dumps(question).encode())
    except (OSError, http.client.HTTPException, ValueError) as error:
        logger.warning("no decision: %s", type(error).__name__)
        return {}
    told = {"decisionId": answer["decisionId"], "book": answer["book"]}
    return {slot: {**told, "slot": slot, **each} for slot, each in answer["slots"].items()}


def _identify(request: HttpRequest) -> dict[str, str]:
    """Who asks; nobody, where the browser asks for privacy and the site does not say that it has asked by itself."""
    if request.headers.get("Sec-GPC") == "1" and getattr(settings, "PERSONALIZE_GPC", "") != "ignore":
        return {"consent": "denied"}
    id = request.COOKIES.get(COOKIE)
    return {"anonymousId": id} if id else {}


def _post(body: bytes) -> dict[str, Any]:
    server = urlsplit(settings.PERSONALIZE_URL)  # type: ignore[misc]  # the site's own setting
    timeout = getattr(settings, "PERSONALIZE_TIMEOUT", TIMEOUT_S)
    connect = http.client.HTTPSConnection if server.scheme == "https" else http.client.HTTPConnection
    connection = connect(server.netloc, timeout=timeout)
    try:
        user = f"{settings.PERSONALIZE_WRITE_KEY}:"  # type: ignore[misc]  # the site's own setting
        key = b64encode(user.encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {key}"}
        connection.request("POST", f"{server.path.rstrip('/')}/api/v1/decide", body, headers)
        response = connection.getresponse()
        raw = response.read(MOST_BYTES)
        if response.status != 200:
            raise ValueError(f"answered with {response.status}")
        answer: dict[str, Any] = json.loads(raw)
        return answer
    finally:
        connection.close()
