"""Origins of pages as operators type them, brought into the form in which browsers name themselves."""

import re
from ipaddress import AddressValueError, IPv6Address

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

MAX_ORIGIN = 200  # characters
DEFAULT_PORTS = {"http": 80, "https": 443}
EXAMPLES = _("such as https://shop.example, https://*.shop.example or http://localhost:3000")

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class BadOrigin(ValueError):
    """The text is no origin; the message says why and how to write it."""


def read_origin(text: str) -> str:
    """`text` as a browser writes it in its Origin header: small letters, no default port, nothing after the port.

    A host may begin with `*.`: every host below it, but not itself. Raises BadOrigin.
    """
    scheme, separator, rest = text.strip().lower().partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        said = gettext("“%(text)s” does not begin with a scheme; write it %(examples)s.")
        raise BadOrigin(said % {"text": text, "examples": gettext(EXAMPLES)})
    rest = rest.removesuffix("/")
    if found := re.search(r"[/?#@\\\s]", rest):
        said = gettext("“%(text)s” has more than scheme, host and port; leave out what belongs to the “%(sign)s”.")
        raise BadOrigin(said % {"text": text, "sign": found[0]})
    host, colon, port = rest.partition(":")
    if rest.startswith("["):
        host, closed, after = rest.partition("]")
        host, colon, port = host + closed, after[:1], after[1:]
    origin = f"{scheme}://{_read_host(host, text)}"
    if colon and (number := _read_port(port, text)) != DEFAULT_PORTS.get(scheme):
        origin += f":{number}"
    if len(origin) > MAX_ORIGIN:
        said = gettext("“%(text)s…” is longer than %(most)s characters, as no origin is.")
        raise BadOrigin(said % {"text": origin[:40], "most": MAX_ORIGIN})
    return origin


def _read_host(host: str, text: str) -> str:
    if host.startswith("["):
        address = host[1:-1] if host.endswith("]") else ""
        try:
            return f"[{IPv6Address(address).compressed}]"
        except AddressValueError as error:
            said = gettext("“%(text)s” holds no IPv6 address; write it as in http://[::1]:8000.")
            raise BadOrigin(said % {"text": text}) from error
    below = "*." if host.startswith("*.") else ""
    name = host.removeprefix(below)
    if "*" in name:
        said = gettext("“%(text)s” has a * in the wrong place; it stands for the beginning of a host, %(examples)s.")
        raise BadOrigin(said % {"text": text, "examples": gettext(EXAMPLES)})
    try:
        name = name.encode("idna").decode()  # browsers name the host as it stands in the DNS
    except UnicodeError:
        name = ""
    if not _NAME.fullmatch(name):
        said = gettext("“%(text)s” has no host name that could exist; write it %(examples)s.")
        raise BadOrigin(said % {"text": text, "examples": gettext(EXAMPLES)})
    return below + name


def _read_port(port: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65_536:
        said = gettext("“%(text)s” has no port between 1 and 65535 behind the colon; mend it, or leave both out.")
        raise BadOrigin(said % {"text": text})
    return int(port)
