"""The simulator against a running server: what it says was acknowledged really is."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.demo.conftest import Shop

pytestmark = pytest.mark.story


def test_the_server_acknowledges_what_is_sent(shop: Shop) -> None:
    said = StringIO()
    call_command("simulate", url=shop.url, rate=400.0, seconds=1.0, stdout=said)
    assert "sent 400 events" in said.getvalue()
    assert "400 acknowledged, 0 refused, 0 unanswered" in said.getvalue()


def test_an_unknown_write_key_ends_it_at_once(shop: Shop) -> None:
    with pytest.raises(CommandError, match="does not know this write key"):
        call_command("simulate", url=shop.url, write_key="wk_nobody", stdout=StringIO())


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": 1e9}, {"seconds": 1e9}, {"url": "127.0.0.1:8000"}])
def test_what_cannot_work_is_refused_with_a_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="--"):
        call_command("simulate", write_key="wk", stdout=StringIO(), **wrong)
