"""What a segment of each kind has to have, said alike on its page and before publishing."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

# A model puts people into these, so that the condition asks what the model says, and nothing else.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "cluster": {"id": "cluster", "kind": "cluster", "op": "is", "value": "bargain hunters"},
    "lookalike": {"id": "like", "kind": "lookalike", "lookalike": "vips", "op": "at_least", "value": 0.8},
}


def find_kind_problem(kind: str, tree: Any) -> str | None:
    """Why a condition is not what a segment of this kind needs. Whether it is a condition at all is asked elsewhere."""
    if kind not in EXAMPLES:
        return None
    root = tree.get("root") if isinstance(tree, Mapping) else None
    if isinstance(root, Mapping) and root.get("kind") == kind:
        return None
    said = gettext("the root of a %(kind)s's condition is of the kind %(kind)s, such as %(example)s")
    return said % {"kind": kind, "example": json.dumps(EXAMPLES[kind])}
