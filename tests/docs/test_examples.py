"""The examples of the pages run: conditions compile, calls parse, shell is shell, SDKs send what their example says."""

import json
import os
import re
import shlex
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from ingestion.parse import BATCH, Limits, Sender, open_body, parse_messages
from ingestion.parse_body import read_body
from ingestion.parse_schema import read_schema
from ingestion.refusals import Refusal
from personalization.answering import Answered
from personalization.api import Question, parse_question
from personalization.decide import Answer
from personalization.graphql.view import parse_call as parse_graphql_call
from profiles.event import Event
from rules.engine import Reason
from segments.conditions.parse import parse_condition
from segments.conditions.python import compile_condition
from tests.docs.pages import PAGES, Fence, fences
from tests.segments import oracle
from tests.segments.cases import UNSAID, Case
from tests.segments.engines import ENGINES

NOW = 1_800_000_000_000
FENCES = [fence for page in PAGES for fence in fences(page)]


def fences_of(pattern: str) -> list[Any]:
    return [pytest.param(fence, id=fence.name) for fence in FENCES if re.fullmatch(pattern, fence.info)]


def parse_call(raw: bytes, kind: str) -> list[Event]:
    """The events of a body that a door would be sent; every message has to be in order."""
    body = read_body(raw, "", 512_000, NOW)
    assert not isinstance(body, Refusal), body
    opened = open_body(body, kind, NOW, Limits())
    assert not isinstance(opened, Refusal), opened
    parsed = parse_messages(
        opened.messages,
        sender=Sender("docs"),
        received=NOW,
        limits=Limits(),
        kind=opened.kind,
        sent_at=opened.sent_at,
    )
    assert parsed.refusals == []
    return parsed.events


def test_there_are_as_many_examples_as_we_think() -> None:
    assert len(fences_of("json condition")) >= 15
    assert len(fences_of("json case")) >= 5
    assert len(fences_of("json tests")) >= 3
    assert len(fences_of("json .*")) >= 28
    assert len(fences_of("sh")) >= 5
    assert len(fences_of("python")) >= 1


@pytest.mark.parametrize("fence", fences_of("json.*"))
def test_json_is_json(fence: Fence) -> None:
    json.loads(fence.body)


@pytest.mark.parametrize("fence", fences_of("json condition"))
def test_conditions_compile(fence: Fence) -> None:
    compile_condition(parse_condition(json.loads(fence.body)))


@pytest.mark.django_db
@pytest.mark.parametrize("fence", fences_of("json case"))
def test_cases_are_answered_as_they_say(fence: Fence) -> None:
    case = Case("docs", fence.name, json.loads(fence.body))
    assert {name: ask([case])[0] for name, ask in ENGINES.items()} == dict.fromkeys(ENGINES, case.matches)
    if case.flips is not UNSAID:
        assert compile_condition(case.root, case.calendar).next_flip(case.profile, case.now) == case.flips
        assert oracle.holds(case.ask_at(case.flips - 1)) is case.matches
        assert oracle.holds(case.ask_at(case.flips)) is not case.matches


@pytest.mark.django_db
@pytest.mark.parametrize("fence", fences_of("json tests"))
def test_facts_pass_and_fail_as_they_say(fence: Fence) -> None:
    asked = []
    for told in json.loads(fence.body):
        test = {key: told[key] for key in told.keys() - {"passes", "fails"}}
        for fact, passes in [*((fact, True) for fact in told["passes"]), *((fact, False) for fact in told["fails"])]:
            condition = {"kind": "trait", "trait": "fact", **test}
            said = {"condition": condition, "now": "2026-06-17T12:00:00Z", "traits": {"fact": fact}, "matches": passes}
            asked.append(Case("docs", json.dumps([test, fact]), said))
    for name, ask in ENGINES.items():
        answers = ask(asked)
        wrong = [case.name for case, answer in zip(asked, answers, strict=True) if answer is not case.matches]
        assert wrong == [], name


@pytest.mark.parametrize("fence", fences_of("json schema"))
def test_schemas_are_understood(fence: Fence) -> None:
    assert read_schema(json.loads(fence.body)).strict


@pytest.mark.parametrize("fence", fences_of("json decide-request"))
def test_decide_requests_are_understood(fence: Fence) -> None:
    parse_question(fence.body.encode())
    assert json.loads(fence.body).keys() <= set(Question.__struct_encode_fields__)


@pytest.mark.parametrize("fence", fences_of("json (decide-answer|decision-frame)"))
def test_decide_answers_have_the_fields_and_reasons_of_the_real_ones(fence: Fence) -> None:
    shown = json.loads(fence.body)
    frame = {"type", "id"} if fence.info.endswith("frame") else set()
    assert shown.keys() == {*Answer.__struct_encode_fields__} | frame
    for slot in shown["slots"].values():
        assert slot["reason"] in set(Reason)
        answered = Answered(
            Reason(slot["reason"]),
            msgspec.Raw(msgspec.json.encode(slot["block"])),
            slot.get("rule"),
            tuple(slot.get("segments", ())),
        )
        assert json.loads(msgspec.json.encode(answered)) == slot


@pytest.mark.parametrize("fence", fences_of("sh"))
def test_shell_is_shell(fence: Fence) -> None:
    text = fence.body.replace("<this repository>", "repository").replace("<its folder>", "folder")
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("fence", [param for param in fences_of("sh") if "curl" in param.values[0].body])
def test_calls_with_curl_are_understood(fence: Fence) -> None:
    for call in fence.body.split("curl ")[1:]:
        words = shlex.split(call, comments=True)
        url = next(word for word in words if word.startswith("http"))
        if "-d" not in words or "/oauth/" in url or ("/api/v1/" in url and not url.endswith("/decide")):
            continue  # those of docs/reference/rest.md are sent to a running shop (tests/rest/test_rest_page.py)
        body = words[words.index("-d") + 1].encode()
        if url.endswith("/api/v1/decide"):
            parse_question(body)
        elif url.endswith("/graphql"):
            parse_graphql_call(body, b"application/json")
        else:
            assert parse_call(body, url.rsplit("/v1/", 1)[1])


@pytest.mark.parametrize("fence", fences_of("python"))
def test_python_is_python(fence: Fence) -> None:
    compile(fence.body, fence.name, "exec")


@pytest.mark.parametrize("fence", [param for param in fences_of("python") if "analytics.host" in param.values[0].body])
def test_the_sdk_example_sends_what_it_says(fence: Fence, tmp_path: Path) -> None:
    bodies: list[tuple[str, bytes]] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            answer = b'{"success":true}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        script = tmp_path / "example.py"
        script.write_text(fence.body.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{server.server_port}"))
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        subprocess.run([sys.executable, str(script)], timeout=60, check=True, cwd=tmp_path, env=environment)
        server.shutdown()
    events = [event for path, body in bodies for event in parse_call(body, BATCH)]
    assert {path for path, _ in bodies} == {"/v1/batch"}
    said = re.findall(r"^analytics\.(identify|track)\(", fence.body, re.MULTILINE)
    assert [event.type for event in events] == said
