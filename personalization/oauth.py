"""OAuth 2 for back ends, by the toolkit, as far as we use it: client credentials, revocation, introspection."""

import logging
import secrets
from typing import Any

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, re_path
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.views import IntrospectTokenView, RevokeTokenView, TokenView
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error  # type: ignore[import-untyped]  # it has none

from ingestion.scopes import MEANINGS
from personalization.issued import find_issued
from personalization.limits import Limiter, Policy, shorten_address
from personalization.tokens import PREFIX, forget_token, hash_token, keep_token
from personalization.wiring import clock, redis_client

logger = logging.getLogger(__name__)


def make_token(request: object) -> str:
    """A new token: long, random, and known by its beginning as one of ours."""
    return PREFIX + secrets.token_urlsafe(32)


class Scopes(BaseScopes):  # type: ignore[misc]  # the toolkit has no types
    """The scopes there are, and those that a client is allowed: it gets all of them unless it asks for less."""

    def get_all_scopes(self) -> dict[str, str]:
        return {scope.value: meaning for scope, meaning in MEANINGS.items()}

    def get_available_scopes(self, application: Any = None, request: Any = None, *more: Any, **also: Any) -> list[str]:
        client = getattr(application, "client", None)
        return [] if client is None else list(client.scopes)

    def get_default_scopes(self, application: Any = None, request: Any = None, *more: Any, **also: Any) -> list[str]:
        return self.get_available_scopes(application)


class Validator(OAuth2Validator):  # type: ignore[misc]  # the toolkit has no types
    """The toolkit's rules, narrowed to clients of ours; what is given out or taken back is mirrored in Redis."""

    def validate_grant_type(self, client_id: str, grant_type: str, client: Any, request: Any, *more: Any) -> bool:
        if grant_type != "client_credentials" or getattr(request.client, "client", None) is None:
            return False
        return bool(super().validate_grant_type(client_id, grant_type, client, request, *more))

    def save_bearer_token(self, token: dict[str, Any], request: Any, *more: Any, **also: Any) -> None:
        super().save_bearer_token(token, request, *more, **also)
        sha256 = hash_token(token["access_token"])
        issued = find_issued(sha256)
        assert issued is not None  # it was stored a moment ago
        try:
            keep_token(redis_client(), sha256, issued, clock())
        except redis.RedisError as error:  # doors that may ask PostgreSQL know it all the same
            logger.warning("a token could not be mirrored: %s", type(error).__name__)

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *more: Any, **also: Any) -> None:
        """Redis first: while it is away nothing is revoked, and the client is told to try again."""
        sha256 = hash_token(token)
        issued = find_issued(sha256)
        is_theirs = issued is not None and issued.client == request.client.client_id
        if is_theirs:
            forget_token(redis_client(), sha256)
        super().revoke_token(token, token_type_hint, request, *more, **also)
        if is_theirs:  # a door that asks PostgreSQL may have put it back in between
            forget_token(redis_client(), sha256)

    def _check_and_set_request_resource(self, request: Any) -> None:
        """A token is good for this server alone, and not for a part of it."""
        super()._check_and_set_request_resource(request)
        if request.resource:
            raise CustomOAuth2Error(error="invalid_target", description="leave out `resource`", request=request)


class TokenDoor(TokenView):  # type: ignore[misc]  # the toolkit has no types
    """Gives out tokens. Checking a secret is slow on purpose, so each address may have it done now and then only."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, *more: Any, **also: Any) -> HttpResponse:
        name = f"token:{shorten_address(request.META.get('REMOTE_ADDR', ''))}"
        verdict = Limiter(redis_client()).take(name, Policy("token", settings.PZ_TOKEN_CALLS))
        request.limit = verdict  # type: ignore[attr-defined]  # told by personalization.access.tell_limits
        if not verdict.allowed:
            said = {"error": "temporarily_unavailable", "error_description": "too many calls; call again later"}
            return JsonResponse(said, status=429, headers={"Retry-After": str(verdict.retry_after)})
        answer: HttpResponse = super().post(request, *more, **also)
        return answer


class RevokeDoor(RevokeTokenView):  # type: ignore[misc]  # the toolkit has no types
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *more: Any, **also: Any) -> HttpResponse:
        try:
            answer: HttpResponse = super().post(request, *more, **also)
        except redis.RedisError:
            said = {"error": "temporarily_unavailable", "error_description": "nothing was revoked; try again"}
            return JsonResponse(said, status=503, headers={"Retry-After": "1"})
        return answer


class IntrospectDoor(IntrospectTokenView):  # type: ignore[misc]  # the toolkit has no types
    http_method_names = ["post"]  # a token in an address would be in logs


urlpatterns: list[URLPattern] = [
    re_path(r"^token/?$", TokenDoor.as_view(), name="oauth_token"),
    re_path(r"^revoke/?$", RevokeDoor.as_view(), name="oauth_revoke"),
    re_path(r"^introspect/?$", IntrospectDoor.as_view(), name="oauth_introspect"),
]
