"""How sockets end: the close code, and its name; the snippet's is told it as the `code` of an error frame before."""

from typing import Final

NOT_UTF8: Final = (1007, "not_utf8")
TOO_LARGE: Final = (1009, "too_large")
NO_PONG: Final = (1011, "no_pong")
BUSY: Final = (1013, "server_busy")
BAD_FRAME: Final = (4400, "bad_frame")
UNKNOWN_KEY: Final = (4401, "unknown_key")
SIGNED_OUT: Final = (4401, "signed_out")  # a page of the Studio
ORIGIN_REFUSED: Final = (4403, "origin_refused")
NOT_ALLOWED: Final = (4403, "not_allowed")  # a page of the Studio
NO_HELLO: Final = (4408, "no_hello")
TOO_SLOW: Final = (4408, "too_slow")
TOO_FAST: Final = (4429, "too_fast")
