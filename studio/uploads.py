"""Forms with files, as static/studio/upload.js sends them: with progress, and a way on that it goes itself."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url


def leave_for(request: HttpRequest, to: str, *place: Any, part: str = "") -> HttpResponse:
    """To another page, or a `part` of it, once all is taken. A script is told the address: it would swallow what it
    followed itself."""
    where = resolve_url(to, *place) + (part and f"#{part}")
    if not request.headers.get("X-Upload"):
        return redirect(where)
    return HttpResponse(status=204, headers={"X-Location": where})
