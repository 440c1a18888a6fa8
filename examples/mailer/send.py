"""Sends a letter to the people of a CSV file: rendered for each of them by the engine, handed to a mail server.

    ENGINE_KEY=sk_… python examples/mailer/send.py people.csv --template weekly-letter \\
        --engine http://127.0.0.1:8000 --smtp 127.0.0.1:1025 --sender letters@shop.example

The file has the columns `email` and `user_id` or `anonymous_id`; columns such as `context.shop` are context, all others
data of the message. Nothing but Python's own library is needed.
"""

import argparse
import csv
import json
import os
import smtplib
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from itertools import islice
from pathlib import Path
from typing import Any

AT_ONCE = 500  # recipients of one call
TRIES = 5
LATER = (429, 503)
CONTEXT = "context."  # columns that begin so are facts rules can ask for and every block can print
POLICY = SMTP.clone(max_line_length=998)  # the address of List-Unsubscribe stays in one line

Person = dict[str, str]


def main(said: list[str] | None = None) -> int:
    options = read_options(said)
    key = os.environ.get("ENGINE_KEY", "")
    if not key:
        sys.exit("put a secret key with the scope email:send into ENGINE_KEY")
    done = read_done(options.sent)
    sent, left_out = 0, []
    with open_server(options.smtp) as server, options.sent.open("a") as log:
        for people in in_groups(read_people(options.people, done)):
            messages = render(options, key, people)
            for person, message in zip(people, messages, strict=True):
                if "error" in message:
                    left_out.append(f"{person['email']}: {message['error']['code']}: {message['error']['message']}")
                    continue
                server.send_message(make_mail(options.sender, person["email"], message))
                log.write(person["email"] + "\n")
                log.flush()  # whoever starts again after a crash sends to nobody twice
                sent += 1
    print(f"{sent} sent, {len(left_out)} left out")
    for line in left_out:
        print(line)
    return 0


def read_options(said: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sends a letter to the people of a CSV file.")
    parser.add_argument("people", type=Path, help="CSV with email, user_id or anonymous_id, and data")
    parser.add_argument("--template", required=True, help="slug of a published block of the kind E-mail")
    parser.add_argument("--sender", required=True, help="address the letter is from")
    parser.add_argument("--engine", default="http://127.0.0.1:8000", help="where the engine is")
    parser.add_argument("--smtp", default="127.0.0.1:25", help="the mail server; SMTP_USER and SMTP_PASSWORD log in")
    parser.add_argument("--campaign", default="", help="name of the campaign, for utm_campaign")
    parser.add_argument("--purpose", default="email", help="what the people have to have consented to")
    parser.add_argument("--sent", type=Path, default=Path("sent.txt"), help="addresses that have been sent to")
    return parser.parse_args(said)


def read_done(path: Path) -> set[str]:
    return set(path.read_text().split()) if path.exists() else set()


def read_people(path: Path, done: set[str]) -> Iterator[Person]:
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row.get("email") and row["email"] not in done:
                yield {name: value for name, value in row.items() if name and value}


def in_groups(people: Iterator[Person]) -> Iterator[list[Person]]:
    while group := list(islice(people, AT_ONCE)):
        yield group


def render(options: argparse.Namespace, key: str, people: list[Person]) -> list[dict[str, Any]]:
    """A message or an error for each person, in their order."""
    call: dict[str, Any] = {
        "template": options.template,
        "purpose": options.purpose,
        "recipients": [describe(person) for person in people],
        "utm": {"source": "letter", "medium": "email", **({"campaign": options.campaign} if options.campaign else {})},
    }
    request = urllib.request.Request(  # noqa: S310 the address is the operator's own
        f"{options.engine.rstrip('/')}/api/v1/email/render",
        data=json.dumps(call).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                messages: list[dict[str, Any]] = json.load(answer)["messages"]
                return messages
        except urllib.error.HTTPError as error:
            if error.code not in LATER or not left:
                sys.exit(f"the engine refuses: {error.code} {error.read().decode(errors='replace')}")
            time.sleep(float(error.headers.get("Retry-After", 1)))
    raise AssertionError("the last try returns or ends")


def describe(person: Person) -> dict[str, Any]:
    ids = {"user_id": "userId", "anonymous_id": "anonymousId"}
    said: dict[str, Any] = {ids[name]: person[name] for name in ids if name in person}
    more = {name: value for name, value in person.items() if name not in ids and name != "email"}
    context = {name.removeprefix(CONTEXT): value for name, value in more.items() if name.startswith(CONTEXT)}
    data = {name: value for name, value in more.items() if not name.startswith(CONTEXT)}
    return {**said, "email": person["email"], "context": context, "data": data}


def make_mail(sender: str, to: str, message: dict[str, Any]) -> EmailMessage:
    """A letter with text and HTML, and the headers by which mail programs unsubscribe."""
    mail = EmailMessage(policy=POLICY)
    mail["From"], mail["To"], mail["Subject"] = sender, to, message["subject"]
    mail["Message-ID"] = f"<{message['messageId']}@{sender.rpartition('@')[2]}>"
    for name, value in message["headers"].items():
        mail[name] = value
    mail.set_content(message["text"], cte="quoted-printable")
    mail.add_alternative(message["html"], subtype="html", cte="quoted-printable")
    return mail


def open_server(address: str) -> smtplib.SMTP:
    host, _, port = address.rpartition(":")
    server = smtplib.SMTP(host, int(port), timeout=60)
    if user := os.environ.get("SMTP_USER"):
        server.starttls()
        server.login(user, os.environ["SMTP_PASSWORD"])
    return server


if __name__ == "__main__":
    sys.exit(main())
