"""The system's Chromium, as every test in a browser starts it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that a test answers itself counts as one from afar, which may not ask this machine.
    "--disable-features=LocalNetworkAccessChecks",
]


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    """While it is up, Playwright's event loop counts as running, which asynchronous tests cannot bear: a fixture of it
    lives for a module."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
        )
        yield browser
        browser.close()
