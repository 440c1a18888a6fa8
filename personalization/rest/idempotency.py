"""A call that is sent again with the same Idempotency-Key is done once, and answered alike for a day."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.access import caller_of
from personalization.errors import CallRefused
from personalization.wiring import redis_client
from profiles import keys

Handler = TypeVar("Handler", bound=Callable[..., Response])

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255  # characters
KEPT_S = 86_400
UNDER_WAY_S = 300  # after which a call is taken for dead; longer than any takes


def once(handler: Handler) -> Handler:
    """For handlers of POST. What was refused or failed is not kept: it can be mended, and sent with the same key."""

    @wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not 0 < len(key) <= MAX_KEY:
            raise CallRefused("bad_parameter", f"{HEADER} has 1 to {MAX_KEY} characters")
        whole = f"{caller_of(request).key}\0{key}".encode(errors="replace")
        name, call = _name_key(whole), _fingerprint(request)
        client = redis_client()
        if not client.set(name, json.dumps({"call": call}), nx=True, ex=UNDER_WAY_S):
            kept = client.get(name)
            if kept is not None:
                return _answer_again(json.loads(kept), call, whole)
            raise CallRefused("in_progress", "the first call with this key has just ended without an answer; try again")
        try:
            answer = handler(view, request, *args, **kwargs)
        except BaseException:
            client.delete(name)
            raise
        client.set(name, json.dumps({"call": call, "answer": _seal(answer, whole)}), ex=KEPT_S)
        return answer

    handle.idempotent = True  # type: ignore[attr-defined]  # said in the OpenAPI document
    return cast(Handler, handle)


def _answer_again(kept: dict[str, Any], call: str, whole: bytes) -> Response:
    if kept["call"] != call:
        raise CallRefused("key_reused", f"the {HEADER} was used for another call; use a fresh one for each")
    if "answer" not in kept:
        raise CallRefused("in_progress", "the first call with this key is still being answered; try again later")
    said = json.loads(_cipher(whole).decrypt(b64decode(kept["answer"]), None))
    return Response(said["body"], said["status"], headers={**said["headers"], REPLAYED: "true"})


def _name_key(whole: bytes) -> str:
    """The name under which an answer is kept; every caller has keys of its own."""
    return keys.answered(hashlib.blake2b(whole, digest_size=16).hexdigest())


def _fingerprint(request: Request) -> str:
    """What tells two calls apart: method, address and body."""
    body = request.data
    raw = body if isinstance(body, bytes) else json.dumps(body, sort_keys=True).encode()
    head = f"{request.method}\0{request.get_full_path()}\0".encode()
    return hashlib.sha256(head + raw).hexdigest()


def _seal(answer: Response, whole: bytes) -> str:
    """The answer as nobody can read it who does not have the key: it may name people who are erased within the day."""
    body = None if answer.data is None else json.loads(JSONRenderer().render(answer.data))
    said = {"status": answer.status_code, "body": body, "headers": dict(answer.headers)}
    return b64encode(_cipher(whole).encrypt(json.dumps(said).encode(), None)).decode()


def _cipher(whole: bytes) -> AESSIV:
    return AESSIV(hmac.digest(whole, b"pz answer", "sha512"))
