"""The fields that follow from a browser's User-Agent."""

import pytest

from personalization.agents import add_agent, read_agent
from tests.doors.agents import PHONE

DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
TABLET = (
    "Mozilla/5.0 (Linux; Android 13; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36"
)
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("agent", "type", "browser", "system"),
    [
        (PHONE, "mobile", "Mobile Safari", "iOS"),
        (DESKTOP, "desktop", "Chrome", "Linux"),
        (TABLET, "tablet", "Chrome", "Android"),
        (BOT, "bot", "Googlebot", None),
        ("what is this", "desktop", None, None),
    ],
)
def test_a_browser_is_recognised(agent: str, type: str, browser: str | None, system: str | None) -> None:
    told = read_agent(agent)
    assert (told["device"]["type"], told["browser"]["name"], told["os"]["name"]) == (type, browser, system)


def test_what_the_caller_says_wins() -> None:
    context = add_agent({"userAgent": PHONE, "device": {"type": "kiosk"}, "page": {"path": "/"}}, DESKTOP)
    assert (context["device"]["type"], context["os"]["name"]) == ("kiosk", "iOS")
    assert context["page"] == {"path": "/"}
    assert add_agent({"device": "odd"}, PHONE)["device"]["type"] == "mobile"
    assert add_agent({"page": {}}, None) == {"page": {}}
