"""The browser of the tests of what blocks become."""

from tests.tracker.conftest import chromium

__all__ = ["chromium"]
