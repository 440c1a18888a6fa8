"""What the how-to promises of campaigns, on the running product: the sample mailer sends the demo's letter, people open
it, follow a link and unsubscribe, and whoever has is not written to again."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from personalization.servers import free_port
from tests.product import ROOT, Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside

pytestmark = pytest.mark.story

BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
MAKE_KEY = """
from ingestion.actions import create_secret_key
from ingestion.models import Source
print(create_secret_key(Source.objects.get(slug="demo-shop"), scopes=["email:send"])[1])
"""


@dataclass
class Sink:
    """A mail server that keeps what it is given."""

    mails: dict[str, EmailMessage] = field(default_factory=dict)
    port: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails[envelope.rcpt_tos[0]] = mail
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink(port=free_port())
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    yield sink
    controller.stop()


@dataclass
class Campaign:
    """Who is written to, and the mailer."""

    product: Product
    sink: Sink
    folder: Path
    key: str

    def send(self, name: str) -> str:
        """Runs the sample mailer; returns what it says."""
        file = self.folder / "people.csv"
        with file.open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["email", "user_id", "context.shop"])
            for user_id in ("letter-anna", "letter-ben"):
                rows.writerow([f"{user_id}@example.org", user_id, self.product.url])
            rows.writerow(["nobody@example.org", "", ""])
        command = [sys.executable, str(ROOT / "examples/mailer/send.py"), str(file), "--template", "weekly-letter"]
        command += ["--engine", self.product.url, "--smtp", f"127.0.0.1:{self.sink.port}", "--campaign", name]
        command += ["--sender", "letters@shop.example", "--sent", str(self.folder / f"{name}.txt")]
        environment = {**os.environ, "ENGINE_KEY": self.key, "no_proxy": "127.0.0.1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def campaign(running_product: Product, sink: Sink, tmp_path: Path) -> Campaign:
    made = running_product.manage("shell", "-v", "0", "-c", MAKE_KEY)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip().splitlines()[-1]
    call = {"template": "weekly-letter", "recipients": [{}]}
    url = f"{running_product.url}/api/v1/email/render"

    def is_known() -> bool:
        return httpx.post(url, json=call, headers={"Authorization": f"Bearer {key}"}).status_code == 200

    wait_until(is_known, PATIENCE_S)
    return Campaign(running_product, sink, tmp_path, key)


def read_part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[0]


def test_a_campaign_from_the_file_to_the_answer(campaign: Campaign) -> None:
    product, inside = campaign.product, Inside(campaign.product)
    events = [
        {"type": "track", "event": "Product Viewed", "userId": "letter-anna", "properties": {"category": "Outdoor"}}
        for _ in range(3)
    ]
    events.append({"type": "identify", "userId": "letter-anna", "traits": {"firstName": "Anna"}})
    httpx.post(f"{product.url}/v1/batch", json={"batch": events}, auth=(inside.write_key, ""))
    wait_until(inside.is_idle, PATIENCE_S)

    assert campaign.send("week-23").splitlines()[0] == "2 sent, 1 left out"
    assert campaign.sink.mails.keys() == {"letter-anna@example.org", "letter-ben@example.org"}
    mail = campaign.sink.mails["letter-anna@example.org"]
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Subject"] == "Anna, this week at Larch & Lake"
    html, text = read_part(mail, "html"), read_part(mail, "plain")
    assert "Your next trip starts at the tree line" in html
    assert "Your next trip starts at the tree line" in text
    assert "Have a look around" in read_part(campaign.sink.mails["letter-ben@example.org"], "html")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    unsubscribe = mail["List-Unsubscribe"].strip("<>")
    assert unsubscribe.startswith(f"{product.url}/t/u/")

    pixel = find(rf"{product.url}/t/o/[\w-]+\.gif", html)
    assert httpx.get(pixel, headers={"User-Agent": BROWSER}).headers["content-type"] == "image/gif"
    click = find(rf"{product.url}/t/c/[\w-]+", html)
    arrived = httpx.get(click, headers={"User-Agent": BROWSER, "Sec-Fetch-Mode": "navigate"}, follow_redirects=True)
    assert arrived.status_code == 200
    assert arrived.url.params["utm_campaign"] == "week-23"
    view = find(rf"{product.url}/t/v/[\w-]+", html)
    shown = httpx.get(view).text
    assert shown.split() == html.split()  # but for the ends of lines, which are a mail's own

    httpx.post(unsubscribe, data={"List-Unsubscribe": "One-Click"})
    wait_until(inside.is_idle, PATIENCE_S)
    [(profile,)] = inside.ask("SELECT profile_id FROM profiles_identifier WHERE key = 'u:letter-anna'")
    happened = inside.ask(
        "SELECT name, properties->>'campaign_name' FROM profiles_archivedevent WHERE profile_id = %s "
        "AND (name LIKE 'Email %%' OR name = 'Unsubscribed') ORDER BY id",
        profile,
    )
    names = ["Email Opened", "Email Link Clicked", "Unsubscribed"]
    assert happened == [(name, "week-23") for name in names]

    campaign.sink.mails.clear()
    said = campaign.send("week-24")
    assert said.splitlines()[0] == "1 sent, 2 left out"
    assert "letter-anna@example.org: no_consent" in said
    assert campaign.sink.mails.keys() == {"letter-ben@example.org"}
