"""Bodies of calls: bounded, and JSON whatever their Content-Type says, as at the other doors."""

from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from personalization.errors import CallRefused
from segments.forms import BadJson, read_json


class RawBody(BaseParser):
    """The bytes as they came, for those who have a parser of their own."""

    media_type = "*/*"
    most = settings.PZ_MAX_BATCH_BYTES

    def parse(self, stream: IO[Any], media_type: str | None = None, context: Mapping[str, Any] | None = None) -> Any:
        raw = stream.read(self.most + 1)
        if len(raw) > self.most:
            raise CallRefused("too_large", f"a body has at most {self.most:,} bytes")
        return raw


class JsonBody(RawBody):
    """JSON, read as everything that is stored is: each key once, no NaN, no NUL."""

    def parse(self, stream: IO[Any], media_type: str | None = None, context: Mapping[str, Any] | None = None) -> Any:
        return parse_json(super().parse(stream, media_type, context))


def parse_json(raw: bytes) -> Any:
    """Raises CallRefused."""
    try:
        return read_json(raw.decode())
    except UnicodeDecodeError:
        raise CallRefused("bad_json", "the body is not UTF-8") from None
    except BadJson as error:
        raise CallRefused("bad_json", str(error)) from error


class AlwaysJson(BaseContentNegotiation):
    """Answers are JSON, whatever the caller says it would accept."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
