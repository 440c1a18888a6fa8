"""Nobody writes over what somebody else has changed: an ETag with what is read, If-Match with what is written."""

import hashlib
import json
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from personalization.errors import CallRefused


def tag_version(version: int) -> str:
    """The tag of something that counts its versions."""
    return f'"{version}"'


def tag_content(said: Any) -> str:
    """The tag of something that counts none: what it says."""
    text = json.dumps(said, sort_keys=True, default=str)
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def answer_tagged(request: Request, said: Any, tag: str, status: int = 200) -> Response:
    """The answer with its tag; 304 without a body when the caller has it already."""
    if request.method in ("GET", "HEAD") and tag in _list_tags(request.headers.get("If-None-Match", "")):
        return Response(status=304, headers={"ETag": tag})
    return Response(said, status, headers={"ETag": tag})


def require_match(request: Request, tag: str) -> None:
    """Raises CallRefused unless the caller has seen the version that is about to be changed."""
    said = read_match(request)
    if said != "*" and tag not in _list_tags(said):
        raise CallRefused("version_mismatch", f"somebody has changed it: it is {tag} now; read it again")


def read_match(request: Request) -> str:
    said = request.headers.get("If-Match", "").strip()
    if not said:
        raise CallRefused("if_match_missing", "send the ETag that you read as If-Match, or * for whatever it is")
    return said


def _list_tags(header: str) -> list[str]:
    """Strong tags; a weak one matches nothing that is changed."""
    return [tag.strip() for tag in header.split(",")]
