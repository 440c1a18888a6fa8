"""How much of each fault: the short form runs with the suite, the long one by `make faults`; both say their seed."""

import os

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED") or "1")


def sized(short: int, long: int) -> int:
    return long if LONG else short


def tell(figure: str) -> None:
    """What was measured: seen with `pytest -s`, as `make faults` runs."""
    print(f"\n  {figure}", flush=True)
