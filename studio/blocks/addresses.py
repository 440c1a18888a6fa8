"""Where the product is to be found from outside, for what blocks carry away: images."""

from django.conf import settings
from django.http import HttpRequest


def read_base(request: HttpRequest) -> str:
    """Such as `https://engine.example`: what the settings say, else where the Studio was asked for."""
    said = str(settings.PZ_MAIL_URL).rstrip("/")
    return said or f"{request.scheme}://{request.get_host()}"
