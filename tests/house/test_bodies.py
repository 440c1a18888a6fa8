"""Bodies of forms are bounded: a larger one is answered with a page that says so, and none of it is kept."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from personalization.bodies import FORM_BYTES, serve_bounded

MOST = 1_000
Message = dict[str, Any]


class Client:
    """A client that sends a body in parts, and the application that it is meant for."""

    def __init__(self, parts: Iterable[bytes], *, said: bytes | None = None, goes_away: bool = False) -> None:
        self.headers = [] if said is None else [(b"content-length", said)]
        self.sent: list[Message] = []
        self.taken = 0
        self._messages = self._write([*parts], goes_away)

    def _write(self, parts: list[bytes], goes_away: bool) -> Iterator[Message]:
        for number, part in enumerate(parts):
            more = goes_away or number < len(parts) - 1
            yield {"type": "http.request", "body": part, "more_body": more}
        yield {"type": "http.disconnect"}

    async def receive(self) -> Message:
        return next(self._messages)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def application(self, scope: Message, receive: Any, send: Any) -> None:
        """As Django: reads the whole body, and says nothing to a client that has gone."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.taken += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(self) -> list[int]:
        await serve_bounded(self.application, {"headers": self.headers}, self.receive, self.send, most=MOST)
        return [message["status"] for message in self.sent if "status" in message]


@pytest.mark.parametrize("said", [None, b"1000"])
async def test_a_body_of_as_many_bytes_as_are_taken_is_passed_on(said: bytes | None) -> None:
    client = Client([b"x" * 500, b"x" * 500], said=said)
    assert await client.ask() == [200]
    assert client.taken == MOST


async def test_a_body_that_says_it_is_larger_is_not_even_passed_on() -> None:
    client = Client([b"x" * 500] * 3, said=b"1500")
    assert await client.ask() == [413]
    assert client.taken == 0


@pytest.mark.parametrize("said", [None, b"10", b"none", b"-1"])
async def test_a_body_that_says_nothing_or_lies_is_counted(said: bytes | None) -> None:
    client = Client([b"x" * 500] * 9, said=said)
    assert await client.ask() == [413]
    assert client.taken == MOST


async def test_the_page_says_how_much_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client([b""], said=b"9" * 40)
    await serve_bounded(
        client.application, {"headers": client.headers}, client.receive, client.send, most=FORM_BYTES + 5_000_000
    )
    page = client.sent[-1]["body"].decode()
    assert "At most 5,000,000 bytes are taken" in page
    assert dict(client.sent[0]["headers"])[b"content-length"] == str(len(page.encode())).encode()


async def test_a_client_that_goes_away_is_not_waited_for() -> None:
    client = Client([b"x" * 2_000], goes_away=True)
    assert await client.ask() == [413]
    assert client.taken == 0
    client = Client([b"x"], goes_away=True)
    assert await client.ask() == []
