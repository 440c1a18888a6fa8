"""Forms with files, as static/studio/upload.js sends them: with progress, and a way on that it goes itself."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url


def leave_for(request: HttpRequest, to: str, *place: Any) -> HttpResponse:
    """To another page, once all is taken. A script is told the address: what it followed itself it would swallow."""
    if not request.headers.get("X-Upload"):
        return redirect(to, *place)
    answer = HttpResponse(status=204)
    answer["X-Location"] = resolve_url(to, *place)
    return answer
