"""The page about e-mail says what the doors say: every code, reason, event, field and bound of them."""

import ast
import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from ingestion.http import BodyTooSlow
from ingestion.log import LogUnavailable
from personalization.callers import UnknownKey
from personalization.doors import ScopeMissing, SecretKeyNeeded
from personalization.errors import PROBLEMS
from personalization.limits import TooManyCalls
from personalization.mail import calls, doors, hits, letters, links, rendering, shelf, templates
from personalization.mail.stamps import Door
from profiles.store import StoreUnavailable
from tests.docs.pages import ROOT, Fence, fences, prose, spans, table_cells

PAGE = ROOT / "docs/reference/email.md"
EXAMPLES = {fence.info: fence for fence in fences(PAGE)}


def list_calls(module: ModuleType, *names: str) -> Iterable[list[ast.expr]]:
    """The arguments of every call of these in a module."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            yield node.args


def test_every_field_of_a_call_is_documented() -> None:
    fields = {*calls.Call.__struct_encode_fields__, *calls.Recipient.__struct_encode_fields__}
    assert fields - table_cells(PAGE) == set()


def test_every_error_of_a_recipient_is_documented() -> None:
    found = [args for module in (calls, rendering) for args in list_calls(module, "RecipientRefused", "_trouble")]
    codes = {args[0].value for args in found if isinstance(args[0], ast.Constant)}
    assert len(codes) >= 7
    assert codes - table_cells(PAGE) == set()


def test_every_refusal_of_a_call_is_documented() -> None:
    own = (calls.BadCall, calls.CallTooLarge, calls.TooManyRecipients, templates.BadTemplate, templates.UnknownTemplate)
    gate = (UnknownKey, SecretKeyNeeded, ScopeMissing, TooManyCalls, StoreUnavailable, LogUnavailable, BodyTooSlow)
    for status, code, *_ in (PROBLEMS[kind] for kind in (*own, *gate)):
        assert f"| {status} | `{code}` |" in PAGE.read_text()


def test_every_reason_is_documented_with_what_it_makes_of_a_hit() -> None:
    rows = re.findall(r"^\| `(?:likely_machine|unknown|human)` \| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(hits.REASONS)


def test_every_event_and_door_is_documented() -> None:
    assert {doors.OPENED, doors.CLICKED, doors.UNSUBSCRIBED} - table_cells(PAGE) == set()
    for door in Door:
        assert f"`/t/{door}/" in PAGE.read_text()


def test_bounds_are_the_ones_that_are_kept() -> None:
    text = " ".join(prose(PAGE).split())
    assert f"at most {calls.MAX_DATA:,} bytes, the body {calls.MAX_BODY:,}" in text
    assert f"1 to {calls.MAX_RECIPIENTS}" in text
    assert f"up to {links.MAX_LINK:,} characters" in text
    assert f"for {letters.VIEW_MS // 86_400_000} days" in text
    assert shelf.INLINE_S == 7 * 86_400 and "kept for seven days" in text
    assert hits.SOON_MS == 1_000 and hits.BURST_LINKS == 3
    assert f"{len(doors.PIXEL)} bytes" in text
    assert {f"data-{'pz-no-track'}", *links.UTM} - set(spans(PAGE)) == set()


def test_the_request_is_understood() -> None:
    call = calls.parse_call(EXAMPLES["json email-request"].body.encode())
    assert [calls.parse_recipient(each).person[:2] for each in call.recipients] == ["u:", "a:"]


def test_the_answer_has_the_fields_of_the_real_one() -> None:
    shown = json.loads(EXAMPLES["json email-answer"].body)
    assert shown.keys() == set(rendering.RenderedCall.__struct_encode_fields__)
    message, wrong = shown["messages"]
    assert {*message, *wrong} == set(rendering.Rendered.__struct_encode_fields__)
    assert wrong["error"].keys() == set(rendering.Trouble.__struct_fields__)


@pytest.mark.parametrize("page", [ROOT / "docs/how-to/send-a-campaign.md", ROOT / "examples/mailer/README.md"])
def test_the_sample_mailer_takes_the_options_that_are_shown(page: Path) -> None:
    def said(fence: Fence) -> list[str]:
        return re.findall(r"--[a-z]+", fence.body.partition("send.py")[2])

    shown = {option for fence in fences(page) for option in said(fence)}
    assert len(shown) >= 4
    taken = set(re.findall(r'"(--[a-z]+)"', (ROOT / "examples/mailer/send.py").read_text()))
    assert shown - taken == set()
