"""Who opened a message or followed a link: one sign of a program outweighs all others, and every hit says why."""

import pytest

from personalization.mail.hits import REASONS, By, Hit, Kind, tell

SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17 Safari"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.2"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16) Microsoft Outlook 16.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
APPLE = "Mozilla/5.0"
NAVIGATES = {"user-agent": SAFARI, "sec-fetch-mode": "navigate"}
HOUR = 3_600_000

CASES: list[tuple[Hit, By, tuple[str, ...]]] = [
    (Hit("open", "GET", {"user-agent": SAFARI}, HOUR), "human", ("browser_agent",)),
    (Hit("open", "GET", {"user-agent": THUNDERBIRD}, HOUR), "human", ("browser_agent",)),
    (Hit("open", "GET", {"user-agent": OUTLOOK}, HOUR), "human", ("browser_agent",)),
    (Hit("open", "GET", {"user-agent": GMAIL}, HOUR), "unknown", ("image_proxy",)),
    (Hit("open", "GET", {"user-agent": YAHOO}, HOUR), "unknown", ("image_proxy",)),
    (Hit("open", "GET", {"user-agent": APPLE}, HOUR), "likely_machine", ("privacy_proxy",)),
    (Hit("open", "GET", {}, HOUR), "unknown", ("no_agent",)),
    (Hit("open", "GET", {"user-agent": "Something/1"}, HOUR), "unknown", ("no_sign_of_a_person",)),
    (Hit("click", "GET", NAVIGATES, HOUR), "human", ("browser_navigation",)),
    (Hit("click", "GET", NAVIGATES, HOUR, links=2), "human", ("browser_navigation",)),
    (Hit("click", "GET", {"user-agent": SAFARI}, HOUR), "unknown", ("no_sign_of_a_person",)),
    (Hit("click", "GET", NAVIGATES, 999), "likely_machine", ("soon_after_sending",)),
    (Hit("click", "GET", NAVIGATES, 1_000), "human", ("browser_navigation",)),
    (Hit("click", "GET", NAVIGATES, HOUR, links=3), "likely_machine", ("many_links_at_once",)),
    (Hit("click", "HEAD", NAVIGATES, HOUR), "likely_machine", ("head_request",)),
    (
        Hit("click", "GET", {**NAVIGATES, "sec-purpose": "prefetch;prerender"}, HOUR),
        "likely_machine",
        ("prefetch_header",),
    ),
    (Hit("click", "GET", {**NAVIGATES, "purpose": "prefetch"}, HOUR), "likely_machine", ("prefetch_header",)),
    (Hit("open", "GET", {"user-agent": SAFARI, "x-purpose": "preview"}, HOUR), "likely_machine", ("prefetch_header",)),
    (
        Hit("click", "HEAD", {"user-agent": "python-requests/2.32"}, 5),
        "likely_machine",
        ("scanner_agent", "head_request", "soon_after_sending"),
    ),
]


@pytest.mark.parametrize(("hit", "by", "reasons"), CASES)
def test_who_it_was_and_why(hit: Hit, by: By, reasons: tuple[str, ...]) -> None:
    assert tell(hit) == (by, reasons)


def test_every_reason_has_its_case() -> None:
    assert {reason for _, _, reasons in CASES for reason in reasons} == set(REASONS)


@pytest.mark.parametrize("kind", ["open", "click"])
@pytest.mark.parametrize(
    "agent",
    [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))",
        "WhatsApp/2.23.20.0",
        "facebookexternalhit/1.1",
        "curl/8.5.0",
        "Go-http-client/2.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
        "SkypeUriPreview Preview/0.5",
    ],
)
def test_programs_that_name_themselves_are_known(agent: str, kind: Kind) -> None:
    told = tell(Hit(kind, "GET", {"user-agent": agent, "sec-fetch-mode": "navigate"}, HOUR))
    assert told == ("likely_machine", ("scanner_agent",))


def test_an_agent_of_any_length_is_looked_at_in_bounded_time() -> None:
    assert tell(Hit("open", "GET", {"user-agent": "Mozilla/5.0 (" * 100_000}, HOUR)).by == "unknown"
