"""What is answered for an exception of a view: a problem body, by the one table."""

from collections.abc import Mapping
from typing import Any

from rest_framework.response import Response

from ingestion.http import PROBLEM
from personalization.errors import find_problem, problem_body, tell

MEDIA_TYPE = PROBLEM.decode()


def answer_problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The REST framework's handler of exceptions; None for a fault of ours, which Django writes down and
    personalization.failures answers."""
    if find_problem(error) is None:
        return None
    told = tell(error)
    return Response(problem_body(told), told.status, headers=told.named_headers, content_type=MEDIA_TYPE)
