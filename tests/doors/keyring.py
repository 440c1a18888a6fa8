"""A key, a token and an operator of every kind, for every scope: with it alone, and with all but it."""

from collections.abc import Mapping

from ingestion.directory import OAuthClient, SecretKey, hash_secret
from ingestion.scopes import Scope
from personalization.tokens import PREFIX, Token, hash_token, keep_token
from profiles.clients import Client

CLIENT_ID = "client-of-the-site"
EXPIRED_SECRET = "sk-that-has-expired"
REVOKED_SECRET = "sk-that-was-revoked"
REVOKED_TOKEN = PREFIX + "revoked"
LONG_AGO, AT_LAST = 1_700_000_000_000, 4_000_000_000_000


def without(scope: Scope) -> tuple[Scope, ...]:
    return tuple(each for each in Scope if each is not scope)


def name_secret(scope: Scope, has: bool) -> str:
    return f"sk-{'with' if has else 'without'}-{scope}"


def name_token(scope: Scope, has: bool) -> str:
    return f"{PREFIX}{'with' if has else 'without'}-{scope}"


def secrets_of_every_kind() -> Mapping[str, SecretKey]:
    """What stands in the directory. A revoked key does not."""
    expired = SecretKey(source="site", scopes=tuple(Scope), id=90, expires=LONG_AGO)
    found = {hash_secret(EXPIRED_SECRET): expired}
    for number, scope in enumerate(Scope):
        found[hash_secret(name_secret(scope, True))] = SecretKey("site", (scope,), id=100 + number)
        found[hash_secret(name_secret(scope, False))] = SecretKey("site", without(scope), id=200 + number)
    return found


CLIENTS = {CLIENT_ID: OAuthClient(source="site", scopes=tuple(Scope), id=4)}


def keep_tokens(client: Client) -> None:
    """Tokens as the token door leaves them in Redis."""
    for scope in Scope:
        for token, scopes in ((name_token(scope, True), (scope,)), (name_token(scope, False), without(scope))):
            keep_token(client, hash_token(token), Token(CLIENT_ID, scopes, AT_LAST), LONG_AGO)
