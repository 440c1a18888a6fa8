"""`make bench`: every measurement in one run, printed as a table and kept as JSON under bench/results/."""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.archive import measure_archive
from bench.backfill import measure_backfill
from bench.conditions import measure_conditions
from bench.decisions import measure_decisions
from bench.doors import measure_doors
from bench.freshness import measure_freshness
from bench.graphql import measure_graphql
from bench.mail import measure_mail
from bench.processing import measure_memory, measure_processor
from bench.studio import measure_studio
from bench.timers import measure_timers

RESULTS = Path(__file__).parent / "results"
MEASUREMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "conditions": measure_conditions,
    "archive": measure_archive,
    "backfill": measure_backfill,
    "memory": measure_memory,
    "processor": measure_processor,
    "timers": measure_timers,
    "freshness": measure_freshness,
    "decisions": measure_decisions,
    "doors": measure_doors,
    "graphql": measure_graphql,
    "mail": measure_mail,
    "studio": measure_studio,
}


def main(wanted: list[str]) -> None:
    unknown = set(wanted) - MEASUREMENTS.keys()
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    now = datetime.now(UTC)
    results: dict[str, Any] = {
        "at": now.isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),  # above 0.3 or so somebody else was measured as well
    }
    for name, measure in MEASUREMENTS.items():
        if not wanted or name in wanted:
            results[name] = measure()
            _show(name, results[name])
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nkept in {path}")


def _show(name: str, result: dict[str, Any], depth: int = 0) -> None:
    print(f"{'  ' * depth}{name}", flush=True)
    for key, value in result.items():
        if isinstance(value, dict):
            _show(key, value, depth + 1)
        else:
            shown = ", ".join(f"{item:,.0f}" for item in value) if isinstance(value, list) else f"{value:,}"
            print(f"{'  ' * (depth + 1)}{key:<28}{shown:>16}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
