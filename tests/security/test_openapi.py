"""openapi.json against the running web process: whatever the document allows or forbids to be sent, the answer is one
that the document knows, and never a failure.

A few examples of each operation, always the same ones; `make fuzz-api` has 500 of each by chance, FUZZ_SEED says which.
"""

import os
from collections import Counter, defaultdict
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Ok

from tests.doors.conftest import Web
from tests.doors.keyring import EVERY, name_secret
from tests.product import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLES = int(os.environ.get("FUZZ_API_EXAMPLES", "6"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
MANY = 100
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES < MANY,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
# Of half of the calls: addresses of what is there, and a header that lets them change it.
KNOWN = {"slug": "nothing", "name": "Seen", "number": 1, "version": 1}
NOTHING_THERE = {"erasures"}  # nobody has been erased, so that all of them are asked for in vain
BEARER = f"Bearer {name_secret(*EVERY, has=True)}"

schema = schemathesis.openapi.from_path(str(ROOT / "openapi.json"))


def list_operations() -> dict[str, list[Any]]:
    """By what they are about."""
    found = defaultdict(list)
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result  # an operation that cannot be read
        operation = result.ok()
        found[operation.path.split("/")[3]].append(operation)
    return found


OPERATIONS = list_operations()


def test_every_operation_is_tried() -> None:
    assert sum(map(len, OPERATIONS.values())) >= 96


@pytest.mark.timeout(180 if EXAMPLES < MANY else 0)
@pytest.mark.parametrize("about", OPERATIONS)
def test_answers_are_those_of_the_document(web: Web, things: None, about: str) -> None:
    wrong: dict[str, str] = {}
    statuses: Counter[int] = Counter()
    for operation in OPERATIONS[about]:
        try:
            try_operation(web, operation, statuses)
        except Exception as error:  # of every operation it is told, not of the first
            wrong[operation.label] = f"{type(error).__name__}: {error} {getattr(error, 'exceptions', '')}"[:1_500]
    assert "\n\n".join(f"{label}: {error}" for label, error in wrong.items()) == ""
    print(f"{about}: {dict(sorted(statuses.items()))}")
    if EXAMPLES >= MANY:  # a few by chance may all be ones that are refused
        assert about in NOTHING_THERE or any(status < 300 for status in statuses), statuses


def try_operation(web: Web, operation: Any, statuses: "Counter[int]") -> None:
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    modes = [good, good]
    if operation.body or operation.query:
        modes.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    @hypothesis.seed(SEED)
    @SETTINGS
    @hypothesis.given(case=st.one_of(*modes), is_known=st.booleans())
    def try_one(case: Any, is_known: bool) -> None:
        headers = {"Authorization": BEARER}
        if is_known:
            case.path_parameters.update({name: value for name, value in KNOWN.items() if name in case.path_parameters})
            headers["If-Match"] = "*"
        response = case.call(base_url=web.url, headers=headers, timeout=60)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    try_one()
