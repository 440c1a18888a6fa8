"""Who calls, and what they may do: a secret key as Bearer, with the scopes it was given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ingestion.directory import hash_secret
from ingestion.http import read_bearer
from ingestion.models import SecretKey
from personalization.rest.errors import CallRefused


@dataclass(frozen=True)
class Caller:
    """The holder of a key: `id` tells callers apart, `name` is what people know the key by."""

    id: str
    name: str
    source: str
    scopes: frozenset[str]


class KeyAuthentication(BaseAuthentication):
    """A secret key in the header. No cookie counts, so that no page can call in the name of its visitor."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Caller]:
        secret = read_bearer(request.headers.get("Authorization", "").encode("latin-1", "replace"))
        if not secret:
            raise NotAuthenticated("send a secret key: Authorization: Bearer …")
        keys = SecretKey.objects.filter(sha256=hash_secret(secret), revoked=None)
        found = keys.values_list("pk", "prefix", "source__slug", "scopes").first()
        if found is None:
            raise AuthenticationFailed("the secret key is not known or was revoked")
        pk, prefix, source, scopes = found
        return AnonymousUser(), Caller(f"key:{pk}", f"{prefix}…", source, frozenset(scopes))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """The caller has the scope that the view names for the method. A method without one is for nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = find_scope(view.scopes, request.method or "")
        if scope is None:
            return True  # the view has no such method, and says so itself
        require_scope(request, scope)
        return True


def require_scope(request: Request, scope: str) -> None:
    """For what takes another scope besides the one of its method."""
    if scope not in read_caller(request).scopes:
        raise CallRefused("scope_missing", f"the key lacks the scope {scope!r}")


def find_scope(scopes: Mapping[str, str], method: str) -> str | None:
    return scopes.get("GET" if method == "HEAD" else method)


def read_caller(request: Request) -> Caller:
    """The authenticated caller of a request."""
    caller = request.auth
    assert isinstance(caller, Caller)
    return caller


class SecretKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers itself, untyped
    target_class = KeyAuthentication
    name = "secretKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A secret key of the source"}
