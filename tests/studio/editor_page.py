"""A page of the running product's Studio with the editor of a condition in it, whatever else is on its real pages."""

import json
import re
from typing import Any

from django import forms
from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from segments.forms import ConditionField
from studio.forms import StudioForm

ADDRESS = "/studio/try/"


class _ConditionForm(StudioForm):
    condition = ConditionField(required=False, widget=forms.Textarea({"rows": 12}))


class _Visitor:
    can = {"people": True}


def open_editor(
    page: Page, tree: Any = None, *, about: str = "segment", slug: str = "", read_only: bool = False
) -> None:
    """Shows the frame of a real page with the two includes as its content."""
    answer = page.request.get("/studio/audiences/")
    frame = re.sub(r"(<main[^>]*>).*(</main>)", r"\1CONTENT\2", answer.text(), flags=re.S)
    field = _ConditionForm(initial={"condition": tree})["condition"]
    told = {"field": field, "about": about, "slug": slug, "read_only": read_only, "visitor": _Visitor()}
    parts = [render_to_string(f"studio/conditions/{name}.html", told) for name in ("editor", "aside")]
    grid = f'<form method="post" class="grid gap-4 lg:grid-cols-[minmax(0,1fr)_19rem]">{"".join(parts)}</form>'
    headers = {"content-security-policy": answer.headers["content-security-policy"], "content-type": "text/html"}
    page.route(f"**{ADDRESS}", lambda route: route.fulfill(body=frame.replace("CONTENT", grid), headers=headers))
    page.goto(ADDRESS)
    expect(page.locator("[data-condition-editor][data-running]")).to_be_visible()


def read_tree(page: Page) -> Any:
    """What the form would send."""
    text = page.locator("#id_condition").input_value()
    return json.loads(text) if text else None
