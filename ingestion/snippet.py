"""What is pasted into the pages of a site: style, stub and script."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders


@cache
def read_head() -> str:
    """The style and the stub that belong into the head of a page before the script."""
    style, stub = (
        Path(str(finders.find(f"tracker/{name}"))).read_text().strip() for name in ("pz-slot.css", "pz-stub.js")
    )
    return f"<style>\n{style}\n</style>\n<script>\n{stub}\n</script>"


def make_script(host: str, write_key: str, *, consent: str = "granted") -> str:
    """The line that loads the snippet from `host`."""
    place = f"{host}/static/tracker/pz.js"
    return f'<script async src="{place}" data-write-key="{write_key}" data-consent="{consent}"></script>'
