"""Every method of every address of the REST door with the scope it takes, read off the views themselves."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from personalization.rest.urls import urlpatterns

ROOT = "/api/v1/"
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")


class Row(NamedTuple):
    """`path` has the names of its parts in braces, as in the OpenAPI document."""

    method: str
    path: str
    scope: str


def list_rows() -> Iterator[Row]:
    for pattern in urlpatterns:
        scopes = getattr(pattern.callback, "cls").scopes  # noqa: B009  # of the class behind the view
        path = ROOT + _CONVERTER.sub(r"{\1}", str(pattern.pattern))
        yield from (Row(method, path, scope) for method, scope in scopes.items())
