"""Who was not granted personal data sees none of it, on any page or part of people; who was granted it sees it."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from profiles.models import StoredProfile
from rules.models import Grant, PointsEntry
from tests.builds.conftest import Engine, engine
from tests.studio.people import sign_in
from tests.studio.somebody import decide_for, live_through

__all__ = ["engine"]
pytestmark = pytest.mark.django_db

TRAITS = ("name", "firstName", "phone", "city", "company", "birthday")


class Markers:
    """Words that are nowhere else, each used once."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def __call__(self) -> str:
        self.used.append(f"q{len(self.used)}marker{len(self.used)}")
        return self.used[-1]


@pytest.fixture
def marked(engine: Engine) -> tuple[UUID, list[str]]:
    """Somebody every word of whom is a marker."""
    mark = Markers()
    traits: dict[str, Any] = {name: mark() for name in TRAITS}
    traits |= {"email": f"{mark()}@{mark()}.example", "address": {"street": mark(), "lines": [mark(), mark()]}}
    person = live_through(engine, **traits)
    device, user = mark(), mark()
    said = {"properties": {"url": mark(), "query": [mark(), {"deep": mark()}]}, "context": {"page": {"path": mark()}}}
    engine.send("Page Viewed", people=["laptop"], user_id="anna", **said)
    engine.send("Identified", people=[device], type="identify", user_id="anna", context={"ip": mark()})
    engine.send("Identified", people=["other"], type="identify", user_id=user, traits={"email": mark()})
    decide_for(person, timezone.now(), url=mark())
    PointsEntry.objects.create(profile_id=person, points=1, note=mark(), key="x", at=timezone.now())
    Grant.objects.create(offer="other", profile_id=person, code=mark(), decision_id=person, at=timezone.now())
    return person, mark.used


def walk(client: Client, person: UUID) -> str:
    """Every page and part of people that the client is led to, one after the other."""
    everybody = [str(id) for id in StoredProfile.objects.values_list("pk", flat=True)]
    waiting = ["/studio/people/", *(f"/studio/people/{id}/" for id in everybody)]
    waiting += [f"/studio/people/{person}/audiences/?audience={slug}" for slug in ("golden", "buyers")]
    waiting += [f"/studio/people/{person}/{part}/" for part in ("timeline", "news", "slots", "see", "export", "erase")]
    seen, read = set[str](), list[str]()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = client.get(address, headers={"HX-Request": "true"} if address.count("/") > 4 else {})
        if answer.status_code != 200:
            continue
        html = answer.content.decode()
        read.append(html)
        found = re.findall(r'(?:href|hx-get)="(/studio/people/[^"#]*)"', html)
        waiting += [each.replace("&amp;", "&") for each in found]
    assert len(seen) > 20
    return "\n".join(read)


def test_an_analyst_sees_none_of_it(marked: tuple[UUID, list[str]]) -> None:
    person, markers = marked
    told = walk(sign_in("analyst"), person)
    assert [each for each in markers if each in told] == []
    assert "Utrecht" not in told and "anna" not in told.lower().replace("savanna", "")
    assert "Personal data is masked" in told and "Order Completed" in told


def test_with_the_grant_it_is_all_there(marked: tuple[UUID, list[str]]) -> None:
    person, markers = marked
    told = walk(sign_in("analyst", personal=True), person)
    # What a decision was told of the page is on the page of the decision.
    assert [each for each in markers if each not in told] == [markers[-3]]
