"""People who come in at every door of a running product, and leave a marker of their own at each."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from profiles.event import anonymous_key, derive_profile_id, user_key
from tests.faults.doors import Batch
from tests.faults.journal import Journal
from tests.faults.markers import Markers
from tests.product import Product

AT_ONCE = 50  # people
SOME, FEW = 5, 25  # every so-manieth person takes a door that is slow
SLOT = "home-hero"
EVENT = "Product Viewed"
LIST = "erasure-list"
LONG = 6_000  # letters: more than a profile has that is stored as it is


class Person:
    """`said` are the markers by what they were planted as; `id` is the profile that the devices became."""

    def __init__(self, number: int, markers: Markers) -> None:
        self.number = number
        self._markers = markers
        self.said: dict[str, str] = {}
        self.id = ""
        self.device, self.other = self.plant("device"), self.plant("other device")
        self.user = f"{self.plant('user')}@example.com"
        # An identifier is a person before anything is known of it.
        for key in (anonymous_key(self.device), anonymous_key(self.other), user_key(self.user)):
            markers.add_id(number, derive_profile_id(key))

    def is_one_of(self, every: int) -> bool:
        return self.number % every == 0

    def plant(self, kind: str) -> str:
        self.said[kind] = marker = self._markers.make(self.number, kind)
        return marker

    def list_messages(self) -> Iterator[dict[str, Any]]:
        """What the site sends of them, on two devices that become one person."""
        yield {
            "type": "page",
            "anonymousId": self.device,
            "messageId": self.plant("messageId"),
            "context": {
                "page": {
                    "url": f"https://shop.example/?q={self.plant('page')}",
                    "referrer": f"https://{self.plant('referrer')}.example/",
                },
                "userAgent": self.plant("agent"),
                "campaign": {"name": self.plant("campaign")},
            },
        }
        traits = {"note": self.plant("trait")} | ({"long": "é" * LONG} if self.is_one_of(SOME) else {})
        yield self._say("identify", anonymousId=self.device, userId=self.user, traits=traits)
        consent = {"consent": {"categoryPreferences": {self.plant("purpose"): True}}}
        properties = {"category": self.plant("property"), "depth": [{"note": self.plant("inner property")}]}
        yield self._say("track", event=EVENT, anonymousId=self.other, properties=properties, context=consent)
        yield self._say("identify", anonymousId=self.other, userId=self.user)

    def list_refused(self) -> Iterator[dict[str, Any]]:
        """What no door takes, of which the first bytes are kept; the second says whose it is behind these."""
        bad = {"event": EVENT, "timestamp": "never"}
        yield self._say("track", **bad, anonymousId=self.device, properties={"note": self.plant("refused")})
        note = {"note": self.plant("refused and cut off"), "more": "x" * 2_000}
        yield self._say("track", **bad, properties=note, userId=self.user)

    def say_while_broken(self) -> dict[str, Any]:
        """What is sent while nobody can read their profile."""
        return self._say("track", event=EVENT, userId=self.user, properties={"note": self.plant("dead letter")})

    def _say(self, type: str, **more: Any) -> dict[str, Any]:
        return {"type": type, "messageId": f"{self.said['messageId']}-{type}-{len(self.said)}", **more}


class Site:
    """The shop and its back end: the doors that people come in by, with the keys these take."""

    def __init__(self, product: Product, write_key: str, secret: str) -> None:
        self.batch = Batch(product.url, write_key, Journal())
        self._write_key = write_key
        self._client = httpx.Client(base_url=product.url, timeout=60, trust_env=False)
        self._bearer = {"Authorization": f"Bearer {secret}"}

    def close(self) -> None:
        self._client.close()
        self.batch.close()

    def send(self, messages: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(messages), 4 * AT_ONCE):
            some = messages[start : start + 4 * AT_ONCE]
            # A connection that was idle may be closed by now; what is sent again counts once.
            assert self.batch.send(some) or self.batch.send(some)

    def decide(self, person: Person, kind: str) -> None:
        context = {"page": {"url": f"https://shop.example/{person.plant(kind)}"}}
        said = {"anonymousId": person.device, "slots": [SLOT], "context": context}
        self._expect(200, self._client.post("/api/v1/decide", json=said, auth=(self._write_key, "")))

    def visit_back_end(self, person: Person) -> None:
        """Events with a key that makes the call one, points with a note, traits, reads of every kind."""
        call = {"type": "track", "event": EVENT, "userId": person.user, "messageId": person.plant("REST messageId")}
        headers = {"Idempotency-Key": person.plant("Idempotency-Key")}
        self._expect(202, self.call("POST", "/api/v1/events", json=call, headers=headers))
        named = f"/api/v1/profiles/{quote(f'u:{person.user}')}"
        note = {"points": 5, "key": person.plant("key of points"), "note": person.plant("note of points")}
        self._expect(200, self.call("POST", f"{named}/points/add", json=note))
        self._expect(202, self.call("PATCH", named, json={"traits": {"city": person.plant("REST trait")}}))
        for path in (named, f"{named}/events", f"{named}/export", "/api/v1/profiles"):
            self._expect(200, self.call("GET", path, params={"userId": person.user} if path.endswith("s") else None))
        query = f'{{ customer(userId: "{person.user}") {{ id traits }} }}'
        self.call("POST", "/graphql", json={"query": query})

    def erase(self, person: Person) -> str:
        """The receipt."""
        answer = self.call("DELETE", f"/api/v1/profiles/{quote(f'u:{person.user}')}")
        self._expect(202, answer)
        return str(answer.json()["id"])

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self._client.request(method, path, headers={**self._bearer, **(headers or {})}, **more)

    @staticmethod
    def _expect(status: int, answer: httpx.Response) -> None:
        assert answer.status_code == status, (answer.url.path, answer.status_code, answer.text[:300])
