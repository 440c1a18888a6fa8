"""The e-mail door: messages per second of one web process, 500 recipients in each call."""

import asyncio
import json
import os
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from bench.load import call_http, post
from bench.people import profile
from bench.servers import client, own_redis, web_server
from ingestion.directory import Directory, SecretKey, Source, hash_secret
from personalization.snapshot import announce
from profiles import keys
from profiles.event import derive_profile_id, user_key
from profiles.profile import Trait, pack

PATH = "/api/v1/email/render"
SECRET = "bench-secret-key"
PEOPLE = 500  # in a call
EVENTS = 60  # in a profile
ROUNDS = 5
LINKS = 12

PRODUCT = """<tr><td style="padding:8px"><a href="https://shop.example/p/{n}?list=letter"><img
 src="https://shop.example/i/{n}.jpg" width="160" height="120" alt="Product {n}"></a></td>
<td class="name"><a href="https://shop.example/p/{n}?list=letter">Product {n}</a><br>For days outside, with a
 warranty of two years, and sent on the same day.</td></tr>"""
TEMPLATE = f"""<!doctype html><html lang="en"><head><style>
h1 {{ font: 24px Georgia, serif; color: #123456 }} .name {{ padding: 8px; color: #444444 }} p {{ line-height: 1.5 }}
</style></head><body><h1>
{{% if profile.traits.name %}}{{{{ profile.traits.name }}}}, what{{% else %}}What{{% endif %}} is new this week</h1>
{{% slot "email-banner" %}}
<table>{"".join(PRODUCT.format(n=number) for number in range(LINKS // 2))}</table>
<p>You live in {{{{ profile.traits.country | default: "our hearts" }}}}.
 Your points: {{{{ data.points | default: "0" }}}}.</p>
<p><a href="{{{{ view_url }}}}">In the browser</a>
 <a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></p></body></html>"""


def measure_mail() -> dict[str, Any]:
    """Recipients per second of one web process that does nothing else, also of the time that it computes, whatever else
    the machine does; and how long a call takes."""
    with own_redis() as url:
        connection = client(url)
        publish(connection)
        with web_server("personalization.asgi:application", url) as port:
            asyncio.run(asyncio.sleep(1))  # the definitions are looked for every half second
            call = post(PATH, _body(), f"Authorization: Bearer {SECRET}\r\n")
            asyncio.run(call_http(port, lambda: call, connections=1, calls=1))  # warm-up
            started = _read_cpu(port)
            measured = asyncio.run(call_http(port, lambda: call, connections=1, calls=ROUNDS))
            computed = _read_cpu(port) - started
            return {
                "recipients_per_second": round(measured.rate * PEOPLE),
                "recipients_per_core_second": round(ROUNDS * PEOPLE / computed),
                "call_of_500_ms": round(1_000 * measured.quantile(0.5)),
            }


def _read_cpu(port: int) -> float:
    """Seconds that the web process of a port has computed."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if f"--port\0{port}\0" in stat.with_name("cmdline").read_text():
                fields = stat.read_text().rpartition(")")[2].split()
                return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    raise LookupError(f"no process serves port {port}")


def publish(connection: Any) -> None:
    """A letter with a slot of two rules, a key that may render it, and people with some events behind them."""
    directory = Directory(
        number=1,
        sources={"wk": Source(slug="bench", name="Bench", write_key="wk")},
        secret_keys={hash_secret(SECRET): SecretKey(source="bench", scopes=("email:send",))},
    )
    announce(connection, keys.DIRECTORY, 1, msgspec.json.encode(directory))
    announce(connection, keys.BOOK, 1, json.dumps(book()).encode())
    chance = random.Random(1)
    for number in range(PEOPLE):
        lived = profile(f"visitor-{number}", EVENTS, seed=number)
        person = derive_profile_id(user_key(f"u{number}"))
        traits = {"name": Trait(f"Anna {number}", 1), "country": Trait(chance.choice(("GB", "NL")), 1)}
        known = msgspec.structs.replace(lived, id=person, user_id=f"u{number}", traits=traits)
        connection.set(keys.profile(person), pack(known))


def book() -> dict[str, Any]:
    banner = "<p><a href='https://shop.example/{0}'>For {{{{ profile.traits.name | default: 'you' }}}} in {0}</a></p>"
    return {
        "v": 1,
        "number": 1,
        "slots": {"email-banner": {"default": None, "channel": "email"}},
        "blocks": {
            "letter": {
                "kind": "email",
                "source": TEMPLATE,
                "subject": 'News for {{ profile.traits.name | default: "you" }}',
            },
            **{country: {"kind": "html", "source": banner.format(country)} for country in ("GB", "NL")},
        },
        "rules": [
            {
                "slug": country.lower(),
                "name": country,
                "slot": "email-banner",
                "priority": 1,
                "block": country,
                "condition": {
                    "v": 1,
                    "root": {"id": "c", "kind": "trait", "trait": "country", "op": "is", "value": country},
                },
            }
            for country in ("GB", "NL")
        ],
    }


def _body() -> bytes:
    recipients = [{"userId": f"u{number}", "data": {"points": number}} for number in range(PEOPLE)]
    call = {"template": "letter", "recipients": recipients, "utm": {"source": "letter", "campaign": "week 23"}}
    return json.dumps(call).encode()
