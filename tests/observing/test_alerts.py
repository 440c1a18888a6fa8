"""The rules of alerts ask for metrics that are there, with labels these have, and each has its place in the runbook."""

import re
from typing import Any

import pytest
import yaml

from personalization.metric_catalogue import CATALOGUE
from tests.docs.pages import ROOT, prose

RULES = ROOT / "examples/prometheus/alerts.yml"
RUNBOOK = ROOT / "docs/how-to/runbook.md"
ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
SELECTOR = re.compile(r"(pz_\w+)(?:\{([^}]*)\})?")


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_a_rule_asks_for_what_is_measured(alert: dict[str, Any]) -> None:
    assert alert.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert alert["labels"]["severity"] in ("page", "ticket") and alert["annotations"].keys() == {"summary"}
    assert re.fullmatch(r"\d+[smh]", alert["for"])
    asked = SELECTOR.findall(alert["expr"])
    assert asked
    for name, selected in asked:
        metric = CATALOGUE.get(name) or CATALOGUE[name.removesuffix("_bucket")]
        for label, how, value in re.findall(r'(\w+)(=~?)"([^"]*)"', selected):
            values = metric.labels[label]
            assert values is not None
            assert set(value.split("|") if how == "=~" else [value]) <= set(values)
    labels = {label for name, _ in asked for label in CATALOGUE.get(name, CATALOGUE["pz_stage_seconds"]).labels}
    assert set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])) <= labels


def test_each_alert_has_its_section_and_no_section_is_stale() -> None:
    sections = re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", prose(RUNBOOK), re.MULTILINE | re.DOTALL)
    assert [name for name, _ in sections] == [alert["alert"] for alert in ALERTS]
    for _, text in sections:
        assert "**Means:**" in text and "**Do:**" in text.replace("**Look and do:**", "**Do:**")


def test_the_runbook_names_metrics_that_are_there() -> None:
    assert set(re.findall(r"\bpz_\w+", RUNBOOK.read_text())) <= CATALOGUE.keys()
