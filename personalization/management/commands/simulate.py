"""Sends synthetic shop visitors to the running server, through the same HTTP door as any SDK."""

import base64
import http.client
import itertools
import json
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from ingestion.models import Source
from personalization.shop import SOURCE_SLUG
from personalization.simulation import Message, simulate

BATCH = 100  # messages of one request
TICK_S = 0.25
TRIES = 8  # of one batch while the server is busy or away
MOST_RATE, MOST_SECONDS = 5_000, 86_400
TIMEOUT_S = 10


@dataclass
class Summary:
    """What became of the events. `acknowledged`: the server said it holds them; `refused`: it said it never will."""

    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    retries: int = 0

    @property
    def unanswered(self) -> int:
        return self.sent - self.acknowledged - self.refused

    def say(self, seconds: float) -> str:
        return (
            f"sent {self.sent:,} events in {seconds:.1f} s: {self.acknowledged:,} acknowledged, "
            f"{self.refused:,} refused, {self.unanswered:,} unanswered, {self.retries:,} batches tried again"
        )


class Door:
    """One kept-alive connection to /v1/batch."""

    def __init__(self, url: str, write_key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandError(f"--url must look like http://127.0.0.1:8000, not {url!r}")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname, parts.port, timeout=TIMEOUT_S)
        key = base64.b64encode(f"{write_key}:".encode()).decode()
        self._headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}

    def post(self, batch: list[Message]) -> tuple[int, float]:
        """The status and for how many seconds to wait before trying again; status 0 when nobody answered."""
        body = json.dumps({"batch": batch, "sentAt": _now()})
        try:
            self._connection.request("POST", "/v1/batch", body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request opens it again
            return 0, 1.0
        wait = answer.headers.get("Retry-After", "")
        return answer.status, float(wait) if wait.isdigit() else 1.0

    def close(self) -> None:
        self._connection.close()


class Command(BaseCommand):
    help = "Sends seeded, synthetic visitors of the demo shop to the running server and says what became of the events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rate", type=float, default=20, help="events per second (default 20)")
        parser.add_argument("--seconds", type=float, default=60, help="how long (default 60)")
        parser.add_argument("--seed", type=int, default=1, help="the same seed is the same people doing the same")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the running server")
        parser.add_argument("--write-key", help="default: the demo shop's")

    def handle(self, *args: Any, **options: Any) -> None:
        rate, seconds = options["rate"], options["seconds"]
        if not 0 < rate <= MOST_RATE or not 0 < seconds <= MOST_SECONDS:
            raise CommandError(f"--rate is at most {MOST_RATE:,} and --seconds at most {MOST_SECONDS:,}, both above 0")
        door = Door(options["url"], options["write_key"] or _find_write_key())
        summary = Summary()
        start = time.monotonic()
        try:
            for batch in _pace(simulate(options["seed"]), rate, seconds):
                if not _deliver(door, batch, summary):
                    self.stderr.write("given up: the server does not take the events")
                    break
        except KeyboardInterrupt:
            self.stderr.write("stopped")
        finally:
            door.close()
        self.stdout.write(summary.say(time.monotonic() - start))
        if summary.acknowledged == 0:
            raise CommandError(f"no event was acknowledged; is the server running at {options['url']}?")


def _find_write_key() -> str:
    source = Source.objects.filter(slug=SOURCE_SLUG).first()
    if source is None:
        raise CommandError("there is no demo shop yet; run `python manage.py seed_demo`, or give --write-key")
    return source.write_key


def _pace(messages: Iterator[Message], rate: float, seconds: float) -> Iterator[list[Message]]:
    """Batches of what is due by now, until `seconds` are over. Ids are new in every run, so that none is a repeat."""
    start, sent, total = time.monotonic(), 0, int(rate * seconds)
    while sent < total:
        due = min(total, int((time.monotonic() - start) * rate) + 1) - sent
        for size in itertools.chain([BATCH] * (due // BATCH), [due % BATCH]):
            if batch := [_stamp(message) for message in itertools.islice(messages, size)]:
                sent += len(batch)
                yield batch
        time.sleep(TICK_S)


def _deliver(door: Door, batch: list[Message], summary: Summary) -> bool:
    """Whether it is worth going on."""
    summary.sent += len(batch)
    for attempt in range(TRIES):
        status, wait = door.post(batch)
        if status == 200:
            summary.acknowledged += len(batch)
            return True
        if status not in (0, 429) and status < 500:
            summary.refused += len(batch)
            if status == 401:
                raise CommandError("the server does not know this write key")
            return True
        if attempt + 1 < TRIES:
            summary.retries += 1
            time.sleep(wait)
    return False


def _stamp(message: Message) -> Message:
    return {**message, "messageId": str(uuid.uuid4()), "timestamp": _now()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
