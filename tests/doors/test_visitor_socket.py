"""The visitor's socket on the running web process: decisions over it, and changes pushed as they are committed.

Its people have names of their own: channels of Redis know no databases, so that two test processes hear each other."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets.asyncio.client
from django.conf import settings
from websockets.asyncio.client import ClientConnection

from ingestion.accepted import unpack as unpack_accepted
from ingestion.log_redis import RedisLog
from personalization.wiring import make_store, redis_client
from profiles.decided import Decided
from profiles.event import Split, derive_profile_id, partition_of
from profiles.event import pack as pack_record
from profiles.profile import Profile, fingerprint, pack
from tests.doors.conftest import DEBUG_KEY, WRITE_KEY, Web, viewed


@asynccontextmanager
async def visit(web: Web, key: str = WRITE_KEY, **hello: Any) -> AsyncIterator[ClientConnection]:
    async with websockets.asyncio.client.connect(web.socket_url) as socket:
        first = {"type": "hello", "v": 1, "writeKey": key, "anonymousId": "door-anna", "consent": "granted", **hello}
        await tell(socket, first)
        assert (await hear(socket))["type"] == "welcome"
        yield socket


async def tell(socket: ClientConnection, frame: dict[str, Any]) -> None:
    await socket.send(json.dumps(frame))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        answer: dict[str, Any] = json.loads(await socket.recv())
    return answer


async def send(web: Web, socket: ClientConnection, *messages: dict[str, Any]) -> None:
    await tell(socket, {"type": "batch", "id": 1, "batch": messages})
    assert (await hear(socket))["type"] == "ack"
    await asyncio.to_thread(web.process)


async def decide(socket: ClientConnection, *slots: str, **context: Any) -> dict[str, Any]:
    await tell(socket, {"type": "decide", "id": 7, "slots": slots, "context": context})
    return await hear(socket)


async def test_the_page_is_told_of_a_segment_and_gets_its_block(web: Web) -> None:
    async with visit(web) as socket:
        assert (await decide(socket, "hero"))["slots"]["hero"]["reason"] == "no_rule_matched"
        await send(web, socket, viewed("door-anna"), viewed("door-anna"))
        assert await hear(socket) == {"type": "changed", "entered": ["viewers"], "left": []}
        answer = await decide(socket, "hero")
        assert (answer["type"], answer["id"], answer["book"]) == ("decision", 7, 4)
        assert answer["slots"]["hero"]["block"]["html"] == "<h1>Hello you</h1>"


async def test_a_page_that_comes_while_redis_hangs_is_told_once_it_answers(web: Web) -> None:
    redis_client().client_pause(1_500)
    async with visit(web, anonymousId="door-early") as socket:
        assert await hear(socket) == {"type": "changed", "entered": [], "left": []}  # it is watched from now on
        await send(web, socket, viewed("door-early"), viewed("door-early"))
        assert await hear(socket) == {"type": "changed", "entered": ["viewers"], "left": []}


async def test_live_slots_are_told_what_they_show_without_asking(web: Web) -> None:
    async with visit(web) as socket:
        await tell(socket, {"type": "decide", "id": 1, "slots": ["hero", "bar"], "live": ["hero", "bar"]})
        assert (await hear(socket))["slots"]["hero"]["reason"] == "no_rule_matched"
        await send(web, socket, viewed("door-anna"), viewed("door-anna"))
        assert await hear(socket) == {"type": "changed", "entered": ["viewers"], "left": [], "live": True}
        pushed = await hear(socket)
        assert (pushed["type"], pushed["id"], list(pushed["slots"])) == ("decision", None, ["hero"])
        assert pushed["slots"]["hero"]["block"]["html"] == "<h1>Hello you</h1>"
        await tell(socket, {"type": "ping"})
        assert await hear(socket) == {"type": "pong"}


async def test_a_push_of_a_decision_is_recorded_as_one(web: Web) -> None:
    async with visit(web) as socket:
        await tell(socket, {"type": "decide", "id": 1, "slots": ["hero"], "live": ["hero"]})
        await hear(socket)
        await send(web, socket, viewed("door-anna"), viewed("door-anna"))
        pushed = [await hear(socket) for _ in range(2)][1]
        partition = partition_of(derive_profile_id("a:door-anna"), settings.PZ_PARTITIONS)
        entries = redis_client().xrange(f"pz:accepted:{partition}")
        decided = [record for _, fields in entries if isinstance(record := unpack_accepted(fields[b"r"]), Decided)]
        assert [(each.door, each.source) for each in decided] == [("socket", "site"), ("live", "site")]
        assert decided[1].id == pushed["decisionId"]


async def test_a_page_of_a_debug_source_sees_what_the_engine_sees(web: Web) -> None:
    async with visit(web, DEBUG_KEY) as socket:
        await send(web, socket, viewed("door-anna", messageId="m1"), viewed("door-anna", messageId="m2"))
        first, second = await hear(socket), await hear(socket)
        assert (first["event"]["messageId"], first["entered"]) == ("m1", [])
        assert (second["event"]["messageId"], second["entered"]) == ("m2", ["viewers"])
        assert second["profile"]["events"] == {"Product Viewed": 2}
        assert second["segments"] == ["viewers"]


async def test_a_visitor_who_logs_in_elsewhere_goes_on_hearing_of_the_person(web: Web) -> None:
    on_phone = visit(web, DEBUG_KEY, anonymousId="door-phone")
    async with visit(web, anonymousId="door-laptop") as laptop, on_phone as phone:
        await send(web, laptop, {"type": "identify", "anonymousId": "door-laptop", "userId": "u1"})
        await send(web, phone, viewed("door-phone"))
        frames = [await hear(phone)]
        await send(web, phone, {"type": "identify", "anonymousId": "door-phone", "userId": "u1"})
        while frames[-1].get("profile", {}).get("userId") != "u1":
            frames.append(await hear(phone))
        await send(web, laptop, viewed("door-laptop"))
        assert await hear(laptop) == {"type": "changed", "entered": ["viewers"], "left": []}
        while "viewers" not in frames[-1]["entered"]:
            frames.append(await hear(phone))


async def test_a_visitor_who_is_let_go_hears_of_nobody_else(web: Web) -> None:
    async with visit(web, anonymousId="door-laptop") as laptop, visit(web, anonymousId="door-phone") as phone:
        await send(web, laptop, {"type": "identify", "anonymousId": "door-laptop", "userId": "u1"})
        await send(web, phone, viewed("door-phone"), {"type": "identify", "anonymousId": "door-phone", "userId": "u1"})
        await asyncio.to_thread(part, web, "door-laptop", "door-phone")
        assert await hear(phone) == {"type": "changed", "entered": [], "left": []}
        await send(web, laptop, viewed("door-laptop"), viewed("door-laptop"))
        assert await hear(laptop) == {"type": "changed", "entered": ["viewers"], "left": []}
        await send(web, phone, viewed("door-phone"), viewed("door-phone"))
        assert (await hear(phone))["entered"] == ["viewers"]
        await tell(phone, {"type": "ping"})
        assert (await hear(phone))["type"] == "pong"
        await tell(laptop, {"type": "ping"})
        assert (await hear(laptop))["type"] == "pong"


def part(web: Web, winner: str, loser: str) -> None:
    """As somebody does who undoes a merge; neither has done anything."""
    ids = [derive_profile_id(f"a:{device}") for device in (winner, loser)]
    (present,) = make_store().load(ids).values()
    empty = [pack(Profile(id=id, user_id=user, first_seen=1)) for id, user in zip(ids, ("u1", None), strict=True)]
    split = Split(
        loser=ids[1],
        winner=ids[0],
        because="m1",
        expected=fingerprint(present),
        winner_state=empty[0],
        loser_state=empty[1],
        keys=(f"a:{loser}",),
        passed=(),
        by="",
        at=1,
    )
    partition = partition_of(ids[0], settings.PZ_PARTITIONS)
    RedisLog(redis_client()).append({partition: [pack_record(split)]})
    web.process()


async def test_without_consent_nothing_is_stored_and_answers_come_from_the_context(web: Web) -> None:
    async with visit(web, consent="denied", anonymousId=None) as socket:
        await tell(socket, {"type": "batch", "id": 1, "batch": [viewed("door-anna"), viewed("door-anna")]})
        assert [refused["reason"] for refused in (await hear(socket))["refused"]] == ["no_consent"] * 2
        assert await asyncio.to_thread(web.process) == 0
        slots = (await decide(socket, "hero", "bar"))["slots"]
        assert slots["hero"]["reason"] == slots["bar"]["reason"] == "no_rule_matched"


async def test_too_many_slots_close_the_socket(web: Web) -> None:
    async with visit(web) as socket:
        answer = await decide(socket, *(["hero"] * 51))
        assert (answer["type"], answer["code"]) == ("error", "bad_frame")
