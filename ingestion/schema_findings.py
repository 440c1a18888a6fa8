"""How a schema of the catalogue and what was seen of its event differ, in words."""

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.translation import gettext as _

# What is seen of a value of each type of a schema.
SEEN_AS: Mapping[str, str] = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "object": "object",
    "array": "list",
}


def list_findings(schema: Mapping[str, Any], seen: Mapping[str, Collection[str]]) -> list[str]:
    """`seen` are the types of each property path; none of a path that was declared and never came."""
    declared = schema.get("properties", {})
    came = {path for path, types in seen.items() if types and "." not in path}
    found = [
        _("“%(name)s” is required, and was never seen.") % {"name": name}
        for name in schema.get("required", ())
        if name not in came
    ]
    for name, inner in sorted(declared.items()):
        if name not in came:
            found.append(_("“%(name)s” is in the schema, and was never seen.") % {"name": name})
        elif (wanted := SEEN_AS.get(inner.get("type", ""))) and (others := sorted({*seen[name]} - {wanted})):
            said = {"name": name, "wanted": inner["type"], "seen": ", ".join(others)}
            found.append(_("“%(name)s” should be a %(wanted)s, and was seen as %(seen)s too.") % said)
    if undeclared := sorted(came - declared.keys()):
        found.append(_("Seen, and not in the schema: %(names)s.") % {"names": ", ".join(undeclared)})
    return found
