"""Sockets by the thousand: deaf ones, rude ones, and all at once again after the web process died. Whoever behaves
notices nothing, and loses nothing."""

import asyncio
import os
import random
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from statistics import median, quantiles
from typing import Any

import pytest

from tests.faults.journal import Journal
from tests.faults.memory import Growth
from tests.faults.sizes import SEED, sized, tell
from tests.faults.traffic import make_message
from tests.faults.truth import check_delivery
from tests.faults.wire import BINARY, CONT, PING, TEXT, Wire, frame, text
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

MOST_MIB = 100
CLOSED_S = 30.0
BACK_S = 30.0
SLOW_MACHINE = 2.0  # times that a figure in seconds may be missed by where others are at work as well
FLOOR_S = 0.4  # a difference of the slowest that says nothing on such a machine
HALF_FLOOR_S = 0.02  # and of half of them
DEAF_MIB = 50


@pytest.fixture(autouse=True)
def many_files() -> None:
    """This end of all the sockets is this process."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < 4_096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, most), most))


class Visitor:
    """One who behaves: sends its events in order, each batch until it is acknowledged, over a socket that may end."""

    def __init__(self, product: Product, write_key: str, name: str, journal: Journal) -> None:
        self.name = name
        self.hello = {"type": "hello", "v": 1, "writeKey": write_key, "anonymousId": name}
        self.acks: list[float] = []
        self._port = product.port
        self._journal = journal
        self._wire: Wire | None = None
        self._number = 0

    async def open(self, patience: float = 60.0) -> None:
        """Tries until it is welcomed."""
        deadline = time.monotonic() + patience
        while self._wire is None:
            try:
                wire = await Wire.open(self._port)
                assert (await wire.ask(self.hello))["type"] == "welcome"
                self._wire = wire
            except (OSError, asyncio.IncompleteReadError):
                assert time.monotonic() < deadline, "not welcomed"
                await asyncio.sleep(random.uniform(0.05, 0.3))  # nothing secret

    async def send(self, count: int) -> None:
        messages = [make_message(self.name, self._number + each) for each in range(count)]
        self._number += count
        self._journal.note_sent(messages)
        while True:
            await self.open()
            assert self._wire is not None
            started = time.monotonic()
            try:
                await self._wire.send(text({"type": "batch", "id": self._number, "batch": messages}))
                while (answer := await self._wire.hear_text())["type"] == "changed":
                    pass
            except (OSError, asyncio.IncompleteReadError, AssertionError):
                self.close()
                continue
            if answer["type"] == "ack" and answer["id"] == self._number:
                assert len(answer["messageIds"]) == count, answer
                self.acks.append(time.monotonic() - started)
                self._journal.note_acknowledged(messages)
                return
            if answer.get("code") == "too_fast":  # on a fast machine: it comes back
                self.close()
                continue
            assert answer["type"] == "slow", answer
            await asyncio.sleep(answer["retryAfter"])

    async def wait_for_the_end(self) -> None:
        """Until the socket breaks."""
        assert self._wire is not None
        await self._wire.is_hung_up()
        self.close()

    def close(self) -> None:
        if self._wire is not None:
            self._wire.writer.transport.abort()
            self._wire = None


def test_clients_that_never_read_are_closed_and_nobody_else_notices(running_product: Product) -> None:
    inside, journal = Inside(running_product), Journal()
    [web] = running_product.find("uvicorn")
    seconds = sized(4, 20)
    story = f"deaf-{time.time_ns()}"
    watched = Visitor(running_product, inside.write_key, f"{story}-watched", Journal())
    good = Visitor(running_product, inside.write_key, f"{story}-good", journal)

    async def work(until: Callable[[], bool]) -> None:
        """Traffic of the one whom all of them watch, and of somebody else."""

        async def talk(visitor: Visitor, count: int, pause: float) -> None:
            while not until():
                await visitor.send(count)
                await asyncio.sleep(pause)

        await asyncio.gather(talk(watched, 1, 0.02), talk(good, 1, 0.02))

    async def grow_deaf() -> Wire:
        wire = await Wire.open(running_product.port, buffer=4_096)
        assert (await wire.ask(watched.hello))["type"] == "welcome"
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        return wire

    async def stay_deaf(wire: Wire) -> float:
        """Seconds until it was hung up on."""
        started = time.monotonic()
        while time.monotonic() - started < SLOW_MACHINE * CLOSED_S:
            await asyncio.sleep(0.2)
            try:
                await wire.send(frame(0xA))  # a pong for nothing: says whether anybody is there
            except OSError:
                break
        wire.writer.transport.abort()
        return time.monotonic() - started

    async def run() -> tuple[list[float], list[float], list[float]]:
        big = [
            {"type": "identify", "anonymousId": watched.name, "traits": {f"{kind}{n}": "x" * 1_800 for n in range(16)}}
            for kind in "ab"
        ]
        await watched.open()
        await good.open()
        async with await Wire.open(running_product.port) as wire:
            await wire.ask(watched.hello)
            await wire.ask({"type": "batch", "id": 1, "batch": big})
        await work(_after(1))
        good.acks.clear()
        await work(_after(seconds))
        before, good.acks = good.acks, []
        wires = await asyncio.gather(*(grow_deaf() for _ in range(50)))
        deaf = [asyncio.create_task(stay_deaf(each)) for each in wires]
        await work(lambda: all(each.done() for each in deaf))
        return before, good.acks, [await each for each in deaf]

    with Growth(web) as memory:
        before, beside, closed = asyncio.run(run())
    wait_until(inside.is_idle, PATIENCE_S)
    tell(f"closed within {max(closed):.1f} s, half of them within {median(closed):.1f} s, {memory.peak:.0f} MiB more")
    tell(f"p99 of acknowledgements {_p99(before)} s, beside them {_p99(beside)} s of {len(beside)}")
    tell(f"half of them within {median(before) * 1000:.0f} ms, beside them {median(beside) * 1000:.0f} ms")
    assert memory.peak < DEAF_MIB
    assert max(closed) < SLOW_MACHINE * CLOSED_S
    assert median(beside) < max(2 * median(before), HALF_FLOOR_S)
    assert _p99(beside) < max(2 * _p99(before), FLOOR_S)
    check_delivery(inside, journal, [good.name])


Rude = Callable[[Wire], Awaitable[Any]]


def _says(*data: bytes, again: int = 1) -> Rude:
    async def act(wire: Wire) -> None:
        for _ in range(again):
            for each in data:
                await wire.send(each)

    return act


RUDE: dict[str, tuple[bool, Rude, set[int]]] = {  # whether it says hello, what it does, how it may end
    "says no hello": (False, _says(), {4408}),
    "another hello": (False, _says(text({"type": "hello", "v": 1, "writeKey": "no", "anonymousId": "x"})), {4401}),
    "an oversize frame": (True, _says(frame(TEXT, b"x" * 3_000_000)), {1009}),
    "a large frame": (True, _says(frame(TEXT, b"x" * 600_000)), {1009}),
    "endless parts": (True, _says(frame(TEXT, whole=False), frame(CONT, b"x" * 500, whole=False) * 3_000), {1009}),
    "empty parts": (True, _says(frame(TEXT, whole=False), frame(CONT, whole=False) * 100_000), {1009}),
    "pings": (True, _says(frame(PING, b"x" * 125) * 1_000, again=30), {4429}),
    "frames": (True, _says(text({"type": "ping"}) * 1_000, again=10), {4429}),
    "garbage": (True, _says(bytes(range(256)) * 40), {1002}),
    "no text": (True, _says(frame(TEXT, b"\xff\xfe\xfd")), {1007}),
    "no JSON": (True, _says(frame(BINARY, b"\0" * 1_000)), {4400}),
    "deep JSON": (True, _says(frame(TEXT, b"[" * 200_000)), {4400}),
}


def test_many_sockets_and_rude_ones_among_them(running_product: Product) -> None:
    inside, journal = Inside(running_product), Journal()
    [web] = running_product.find("uvicorn")
    quiet, each_rude = sized(1_000, 2_000), sized(4, 20)
    story = f"crowd-{time.time_ns()}"
    good = Visitor(running_product, inside.write_key, f"{story}-good", journal)
    ends: dict[str, list[int]] = {}

    async def be_rude(name: str, number: int) -> None:
        greets, act, _ = RUDE[name]
        async with await Wire.open(running_product.port) as wire:
            if greets:
                assert (await wire.ask({**good.hello, "anonymousId": f"{story}-rude"}))["type"] == "welcome"
            with suppress(OSError):  # hung up on while it spoke
                await act(wire)
            _, code = await wire.end()
            ends.setdefault(name, []).append(code)

    async def run() -> None:
        crowd = [Visitor(running_product, inside.write_key, f"{story}-{n}", journal) for n in range(quiet)]
        await _few_at_once((each.open() for each in crowd), 100)
        tell(f"{quiet} sockets: {memory.peak:.0f} MiB more")
        rude = [asyncio.create_task(be_rude(name, number)) for number in range(each_rude) for name in RUDE]
        while not all(each.done() for each in rude):
            await good.send(5)
        await asyncio.gather(*rude)
        await _few_at_once((each.send(1) for each in crowd), 100)
        for each in crowd:
            each.close()

    with Growth(web) as memory:
        asyncio.run(run())
    wait_until(inside.is_idle, PATIENCE_S)
    tell(f"{memory.peak:.0f} MiB more; the good client's p99 {_p99(good.acks)} s of {len(good.acks)}")
    assert memory.peak < MOST_MIB * 2
    for name, (_, _, codes) in RUDE.items():
        # A client that is still sending when it is hung up on may not come to read why.
        told = [code for code in ends[name] if code != 1006]
        assert told and set(told) <= codes, (name, ends[name])
    check_delivery(inside, journal, [good.name, *(f"{story}-{n}" for n in range(quiet))])


def test_a_thousand_come_back_at_once(running_product: Product) -> None:
    inside, journal = Inside(running_product), Journal()
    many, chance = sized(1_000, 1_000), random.Random(SEED)
    story = f"storm-{time.time_ns()}"
    visitors = [Visitor(running_product, inside.write_key, f"{story}-{number}", journal) for number in range(many)]
    back: list[float] = []

    async def visit(visitor: Visitor, killed: "asyncio.Future[float]") -> None:
        await visitor.send(1)
        await asyncio.sleep(chance.random())
        sending = asyncio.create_task(visitor.send(2)) if chance.random() < 0.3 else None
        at = await killed
        if sending is not None:
            await sending
        else:
            await visitor.wait_for_the_end()
            await visitor.open()
        back.append(time.monotonic() - at)
        await visitor.send(1)
        visitor.close()

    async def run() -> None:
        await _few_at_once((each.open() for each in visitors), 100)
        killed: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        visits = [asyncio.create_task(visit(each, killed)) for each in visitors]
        while len(journal.acknowledged) < many:
            await asyncio.sleep(0.02)
        [web] = running_product.find("uvicorn")
        os.kill(web, signal.SIGKILL)
        killed.set_result(time.monotonic())
        await asyncio.gather(*visits)

    asyncio.run(run())
    wait_until(inside.is_idle, PATIENCE_S)
    tell(f"{many} sockets were back within {max(back):.1f} s, half of them within {sorted(back)[many // 2]:.1f} s")
    assert max(back) < SLOW_MACHINE * BACK_S
    check_delivery(inside, journal, [each.name for each in visitors])


def _after(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


async def _few_at_once(work: Iterable[Awaitable[None]], most: int) -> None:
    turns = asyncio.Semaphore(most)

    async def one(each: Awaitable[None]) -> None:
        async with turns:
            await each

    await asyncio.gather(*map(one, work))


def _p99(seconds: list[float]) -> float:
    return round(quantiles(seconds, n=100)[98], 3)
