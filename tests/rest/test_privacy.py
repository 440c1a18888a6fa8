"""What a person may ask for over REST: everything that is known of them, and to be forgotten."""

from uuid import UUID

import pytest

from profiles import keys
from profiles.clients import Client
from profiles.event import Erase, derive_profile_id, unpack
from profiles.models import Erasure
from profiles.profile import Trait
from tests.rest.conftest import BackEnd, Connect
from tests.rest.people import ANNA, BEN, NOW, archive, keep_hot, link_hot, make_profile


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is no event loop
def test_everything_that_is_known_of_a_person(back_end: BackEnd, redis_client: Client) -> None:
    keep_hot(redis_client, make_profile(ANNA, user_id="anna", traits={"plan": Trait("gold", NOW)}))
    link_hot(redis_client, "u:anna", ANNA)
    archive(ANNA, "Page Viewed", "Order Completed")
    answer = back_end.get("profiles/u:anna/export")
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.body["traits"]["plan"]["value"] == "gold"
    assert [each["name"] for each in answer.body["events"]] == ["Page Viewed", "Order Completed"]
    assert back_end.get(f"profiles/{BEN}/export").code == "not_found"


def test_a_person_is_asked_to_be_forgotten(back_end: BackEnd, redis_client: Client) -> None:
    keep_hot(redis_client, make_profile(ANNA, user_id="anna"))
    answer = back_end.delete(f"profiles/{ANNA}")
    assert (answer.status, answer.body["done"]) == (202, None)
    assert answer.body["by"].startswith("secret key ")
    asked = [unpack(fields[b"r"]) for number in range(8) for _, fields in redis_client.xrange(keys.log(number))]
    assert [each.profile for each in asked if isinstance(each, Erase)] == [ANNA.hex]
    assert back_end.get(f"erasures/{answer.body['id']}").body == answer.body
    assert ANNA.hex not in str(answer.body)
    assert back_end.get(f"erasures/{UUID(int=9)}").code == "not_found"


def test_somebody_unknown_is_forgotten_too(back_end: BackEnd, redis_client: Client) -> None:
    assert back_end.delete("profiles/u:nobody").status == 202
    assert Erasure.objects.count() == 1
    assert sum(redis_client.xlen(keys.log(number)) for number in range(8)) == 1
    assert derive_profile_id("u:nobody") not in str(Erasure.objects.values().get())


def test_forgetting_takes_a_scope_of_its_own(connect: Connect) -> None:
    assert connect("profiles:read", "profiles:write").delete("profiles/u:anna").code == "scope_missing"
    assert not Erasure.objects.exists()
