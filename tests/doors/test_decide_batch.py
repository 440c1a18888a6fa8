"""`POST /api/v1/decide/batch`: many people in one call, each answered or told why not."""

from typing import Any

import httpx
import pytest

from profiles import keys
from profiles.clients import Client
from profiles.event import derive_profile_id
from profiles.profile import Profile, Trait, pack
from tests.doors.conftest import OTHER_SECRET, SECRET, SEGMENTS, WRITE_KEY, Web
from tests.rosters import make_roster

VIEWERS = make_roster(SEGMENTS).answers["viewers"]


def ask(web: Web, people: list[Any], key: str = SECRET, **more: Any) -> httpx.Response:
    body = {"people": people, "slots": ["hero"], **more}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{web.url}/api/v1/decide/batch", json=body, headers=headers, timeout=30)


def test_five_hundred_people_are_answered_in_their_order_and_a_bad_one_disturbs_nobody(
    web: Web, redis_client: Client
) -> None:
    for number in range(0, 500, 2):
        identifier = f"u:u{number}"
        name = Trait(f"N{number}", 1)
        profile = Profile(id=derive_profile_id(identifier), traits={"name": name}, segments={VIEWERS: 1})
        redis_client.set(keys.profile(profile.id), pack(profile))
    people: list[Any] = [{"userId": f"u{number}"} for number in range(500)]
    people[7], people[8], people[9] = {"userId": ""}, "nobody", {"email": "a@b.example"}
    answers = ask(web, people).json()["answers"]
    assert len(answers) == 500
    assert {number: each["error"]["code"] for number, each in enumerate(answers) if "error" in each} == dict.fromkeys(
        (7, 8, 9), "bad_person"
    )
    shown = {number: each["slots"]["hero"]["block"] for number, each in enumerate(answers) if "slots" in each}
    assert shown[0]["html"] == "<h1>Hello N0</h1>" and shown[498]["html"] == "<h1>Hello N498</h1>"
    assert shown[1] is None
    assert len({each["decisionId"] for each in answers if "decisionId" in each}) == 497


def test_each_person_may_have_a_context_of_their_own(web: Web) -> None:
    phone, desktop = ({"device": {"type": kind}} for kind in ("mobile", "desktop"))
    people = [{"anonymousId": "a", "context": phone}, {"anonymousId": "b"}]
    answers = ask(web, people, slots=["foot"], context=desktop).json()["answers"]
    assert [each["slots"]["foot"].get("rule") for each in answers] == ["phones", None]


@pytest.mark.parametrize(
    ("people", "more", "status", "code"),
    [
        ([], {}, 413, "too_large"),
        ([{"userId": "u"}] * 501, {}, 413, "too_large"),
        ([{"userId": "u"}], {"slots": []}, 400, "bad_request"),
        ([{"userId": "u", "context": {"x": "y" * 1_100_000}}], {}, 413, "too_large"),
        ([{"userId": "u"}], {"key": WRITE_KEY}, 401, "unknown_key"),
        ([{"userId": "u"}], {"key": OTHER_SECRET}, 403, "scope_missing"),
    ],
)
def test_what_cannot_be_answered_at_all_is_refused(
    web: Web, people: list[Any], more: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(web, people, **more)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
