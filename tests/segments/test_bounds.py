"""The language never asks for more than profiles remember."""

import pytest
from django.core.checks import run_checks
from django.test import override_settings


@pytest.mark.parametrize("setting", ["PZ_HISTORY_LIMIT", "PZ_RETENTION_DAYS"])
def test_settings_below_the_language_are_refused(setting: str) -> None:
    with override_settings(**{setting: 10}):
        assert [setting in problem.msg for problem in run_checks()] == [True]
    assert run_checks() == []
