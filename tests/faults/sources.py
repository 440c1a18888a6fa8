"""A source of a test's own in a running product, so that its counters tell of the test alone."""

from collections import Counter

import httpx

from profiles import keys
from tests.product import Product, wait_until
from tests.stories.inside import PATIENCE_S, Inside


def make_source(product: Product, slug: str) -> str:
    """Its write key, once the doors know it."""
    made = product.manage(
        "shell", "-v", "0", "-c",
        f"from ingestion.actions import create_source; print(create_source(slug={slug!r}, name={slug!r}).write_key)",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    key = made.stdout.split()[-1]
    wait_until(lambda: _is_known(product, key), PATIENCE_S)
    return key


def _is_known(product: Product, key: str) -> bool:
    return httpx.post(f"{product.url}/v1/batch", json={"batch": []}, auth=(key, ""), timeout=30).status_code == 200


def hot_outcomes(inside: Inside, slug: str) -> Counter[str]:
    """How the messages of a source ended, of all days."""
    counts: Counter[str] = Counter()
    found: dict[bytes, bytes] = inside.redis.hgetall(keys.OUTCOMES)  # type: ignore[assignment]  # bytes without decoding
    for name, count in found.items():
        _, source, outcome = name.decode().split("|")
        if source == slug:
            counts[outcome] += int(count)
    return counts


def stored_outcomes(inside: Inside, slug: str) -> Counter[str]:
    """The same as PostgreSQL has it: the archiver copies it every other second."""
    question = "SELECT outcome, sum(count)::int FROM ingestion_outcome WHERE source = %s GROUP BY 1"
    return Counter(dict(inside.ask(question, slug)))
