"""How a socket of the snippet ends: the close code, and the `code` of the error frame that goes before."""

from typing import Final

NOT_UTF8: Final = (1007, "not_utf8")
TOO_LARGE: Final = (1009, "too_large")
NO_PONG: Final = (1011, "no_pong")
BUSY: Final = (1013, "server_busy")
BAD_FRAME: Final = (4400, "bad_frame")
UNKNOWN_KEY: Final = (4401, "unknown_key")
ORIGIN_REFUSED: Final = (4403, "origin_refused")
NO_HELLO: Final = (4408, "no_hello")
TOO_SLOW: Final = (4408, "too_slow")
TOO_FAST: Final = (4429, "too_fast")
