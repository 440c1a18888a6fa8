"""Dates and numbers are written as the language of the Studio writes them; in English as they always were."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from profiles.audit import Act, record_act
from rules.comparing import say_value
from segments.moments import say_moment
from studio.numbers import say_number
from studio.templatetags.studio import ago, moment, number
from tests.studio.people import sign_in

MARCH = datetime(2026, 3, 3, 14, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize("language", ["en", "en-gb"])
@pytest.mark.parametrize("month", range(1, 13))
def test_in_english_nothing_changes(language: str, month: int) -> None:
    at = MARCH.replace(month=month)
    with translation.override(language):
        assert date_format(at, "j M Y, H:i:s") == f"{at:%-d %b %Y, %H:%M:%S}"


@pytest.mark.parametrize("value", [0, 5, 12_345, -1_234_567, 12_345.5, 0.1, -3.25, 1e15, 1e-7])
def test_numbers_in_english_are_as_python_writes_them(value: float) -> None:
    assert say_number(value) == (f"{value:,}" if isinstance(value, int) else f"{value:,.12g}")


def test_months_and_thousands_are_german(settings: Any) -> None:
    assert "3 Mar 2026, 14:05" in str(moment(MARCH)) and say_moment(MARCH) == "3 Mar 2026, 14:05:06"
    with translation.override("de"):
        assert "3. Mär 2026, 14:05" in str(moment(MARCH))
        assert "3. Mär 2026, 14:05:06 UTC" in str(ago(MARCH))
        assert say_moment(MARCH) == "3. Mär 2026, 14:05:06"
        assert say_value("rule", "starts", MARCH.isoformat()) == "3. Mär 2026, 14:05:06 (+00:00)"
        assert (number(12_345), number("fewer than 5"), number(None)) == ("12.345", "fewer than 5", "–")
        assert [say_number(each) for each in (12_345, 1_234.5)] == ["12.345", "1.234,5"]
        assert say_number(1_234.5, ".2f") == "1.234,50"


@pytest.mark.django_db
def test_a_page_in_german_says_when_in_german(redis_client: Any) -> None:
    record_act(Act.MADE, by=None, at=MARCH, kind="rule", subject="a")
    client: Client = sign_in("viewer")
    assert "3 Mar 2026" in client.get("/studio/audit/").content.decode()
    page = client.get("/studio/audit/", headers={"Accept-Language": "de"}).content.decode()
    assert "3. Mär 2026" in page and "3 Mar 2026" not in page
