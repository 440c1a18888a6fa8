"""The organisation's clocks, for whoever reads pages: they go by what was saved last."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from profiles.organisation import by_its_clocks

PAGES = ("/studio/", "/admin/")


def set_clocks(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: the time zone of pages, and what the organisation has chosen is read once for each of them."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(PAGES):
            return get_response(request)
        with by_its_clocks():
            return get_response(request)

    return answer
