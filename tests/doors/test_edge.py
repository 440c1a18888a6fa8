"""What caches and devices ask for: the bundle, a person's facts and key, and slots as fragments."""

import time
from collections.abc import Iterator

import httpx
import pytest
from django.conf import settings
from django.test import override_settings

from personalization.cache_keys import BadKey, CacheKeys
from profiles import keys
from profiles.clients import Client
from profiles.event import derive_profile_id
from profiles.profile import Profile, Trait, pack
from rules.cacheable import find_next_turn, keep_cacheable
from tests.doors.conftest import SEGMENTS, WRITE_KEY, Web
from tests.edge.test_device import NOW, book, rule
from tests.rosters import make_roster

ANNA = Profile(
    id=derive_profile_id("a:anna"),
    traits={"name": Trait("Ann", 1), "income": Trait(90_000, 1)},
    segments={make_roster(SEGMENTS).answers["viewers"]: 1},
)


@pytest.fixture(scope="module", autouse=True)
def named() -> Iterator[None]:
    """What caches tell apart, and what devices may know."""
    with override_settings(PZ_CACHE_SEGMENTS=["viewers"], PZ_DEVICE_TRAITS=["name"]):
        yield


@pytest.fixture
def anna(web: Web, redis_client: Client) -> Web:
    redis_client.set(keys.profile(ANNA.id), pack(ANNA))
    wait_for_roster(web)
    return web


def wait_for_roster(web: Web) -> None:
    deadline = time.monotonic() + 10
    while not ask(web, "key", anonymousId="anna").json().get("key", "~").startswith("viewers~"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(web: Web, path: str, *, headers: dict[str, str] | None = None, **more: str) -> httpx.Response:
    return httpx.get(f"{web.url}/edge/v1/{path}", params={"writeKey": WRITE_KEY, **more}, headers=headers)


def test_the_bundle_is_everybodys_and_comes_again_only_when_it_changed(web: Web) -> None:
    first = ask(web, "bundle.json")
    assert first.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=600"
    assert (first.json()["book"], sorted(first.json()["slots"])) == (4, ["bar", "foot", "hero"])
    again = ask(web, "bundle.json", headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")


def test_a_device_is_told_what_it_may_know(anna: Web) -> None:
    answer = ask(anna, "facts", anonymousId="anna")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.json()["profile"] == {"traits": {"name": "Ann"}, "events": {}}
    assert abs(answer.json()["now"] - time.time() * 1_000) < 60_000
    assert ask(anna, "facts", anonymousId="nobody").json()["profile"] == {}
    assert ask(anna, "facts").json()["profile"] is None


def test_everybody_with_the_same_key_shares_a_fragment(anna: Web) -> None:
    hers, nobodys = (ask(anna, "key", anonymousId=id).json()["key"] for id in ("anna", "bob"))
    assert hers.startswith("viewers~") and nobodys.startswith("~")
    fragment = ask(anna, "slots/hero", segments=hers)
    assert fragment.text == "<h1>Hello you</h1>"  # the key says nothing of her name
    assert fragment.headers["content-type"] == "text/html; charset=utf-8"
    assert fragment.headers["cache-control"].startswith("public, max-age=60")
    assert (
        ask(anna, "slots/hero", segments=hers, headers={"If-None-Match": fragment.headers["etag"]}).status_code == 304
    )
    assert ask(anna, "slots/hero", segments=nobodys).text == ""


def test_a_fragment_of_a_person_is_that_persons_alone(anna: Web) -> None:
    by_cookie = ask(anna, "slots/hero", headers={"Cookie": "pz_id=anna; other=1"})
    assert (by_cookie.text, by_cookie.headers["cache-control"]) == ("<h1>Hello Ann</h1>", "private, no-store")
    assert ask(anna, "slots/hero", anonymousId="anna").text == "<h1>Hello Ann</h1>"
    assert ask(anna, "slots/bar").json() == {"text": "plain"}


def test_a_visitor_who_asks_too_often_has_to_wait_and_nobody_else(anna: Web, redis_client: Client) -> None:
    bucket = {"left": 0, "at": int(time.time() * 1_000) + 60_000}
    redis_client.hset(keys.calls("w:site:203.0.113.7"), mapping=bucket)
    hers, others = ({"X-Forwarded-For": f"203.0.113.{number}"} for number in (7, 8))
    answers = [
        ask(anna, path, headers=hers) for path in ("key", "bundle.json", "facts", "slots/bar") for _ in range(20)
    ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused[-1] is answers[-1]  # the first one was on credit
    assert (refused[0].json()["code"], refused[0].headers["cache-control"]) == ("too_many_calls", "private, no-store")
    assert int(refused[0].headers["retry-after"]) >= 1
    assert ask(anna, "key", headers=others).status_code == 200


def test_what_everybody_shares_says_nothing_of_the_limit_of_one(anna: Web) -> None:
    key = ask(anna, "key", anonymousId="anna")
    assert key.headers["ratelimit-policy"] == f'"visitor";q={settings.PZ_VISITOR_CALLS};w=60'
    shared = (ask(anna, "bundle.json"), ask(anna, "slots/hero", segments=key.json()["key"]))
    assert all(answer.headers["cache-control"].startswith("public") for answer in shared)
    assert not any("ratelimit" in answer.headers for answer in shared)


def test_the_key_in_the_address_counts_whatever_a_cache_passes_on(web: Web) -> None:
    for said in ("Bearer of-the-site-itself", "Basic b3BlcmF0b3I6c2VjcmV0"):
        assert ask(web, "bundle.json", headers={"Authorization": said}).status_code == 200
        answer = httpx.get(f"{web.url}/edge/v1/bundle.json", headers={"Authorization": said})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "more", "status", "code"),
    [
        ("key", {f"more{number}": "1" for number in range(30)}, 400, "bad_request"),
        ("bundle.json", {"writeKey": "wrong"}, 401, "unknown_key"),
        ("slots/hero", {"segments": "viewers~forged0123456789"}, 400, "bad_cache_key"),
        ("slots/hero", {"segments": "\u2603"}, 400, "bad_cache_key"),
        ("elsewhere", {}, 404, "not_found"),
    ],
)
def test_what_is_asked_wrongly_is_told(web: Web, path: str, more: dict[str, str], status: int, code: str) -> None:
    answer = httpx.get(f"{web.url}/edge/v1/{path}", params={"writeKey": WRITE_KEY, **more})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_key_is_good_for_the_segments_that_are_named_and_survives_a_change_of_the_secret() -> None:
    key = CacheKeys(["old"], ["gold", "viewers"]).make({"viewers": 1, "gold": 1, "other": 1})
    assert CacheKeys(["new", "old"], ["viewers", "gold"]).read(key) == ("gold", "viewers")
    with pytest.raises(BadKey, match="not made here"):
        CacheKeys(["new"], ["gold", "viewers"]).read(key)
    with pytest.raises(BadKey, match="gold"):
        CacheKeys(["old"], ["viewers"]).read(key)
    with pytest.raises(ValueError, match="at most 8"):
        CacheKeys(["old"], [f"s{number}" for number in range(9)])


def test_a_shared_fragment_is_kept_no_longer_than_its_schedule() -> None:
    live = book(
        rule("soon", 5, starts="2027-01-15T08:00:10+00:00"), rule("capped", 4, caps=[{"most": 1, "per": "day"}])
    )
    shared = keep_cacheable(live, ())
    assert [each.slug for rank in shared.slots["hero"].ranks for each in rank] == ["soon"]
    assert find_next_turn(shared, "hero", NOW) == NOW + 10_000
