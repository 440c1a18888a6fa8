"""A key, a token and an operator of every kind, for every scope: with it alone, and with all but it."""

from collections.abc import Mapping

from ingestion.directory import OAuthClient, SecretKey, hash_secret
from ingestion.scopes import Scope
from personalization.doors import DOORS
from personalization.tokens import PREFIX, Token, hash_token, keep_token
from profiles.clients import Client

CLIENT_ID = "client-of-the-site"
EXPIRED_SECRET = "sk-that-has-expired"
REVOKED_SECRET = "sk-that-was-revoked"
REVOKED_TOKEN = PREFIX + "revoked"
LONG_AGO, AT_LAST = 1_700_000_000_000, 4_000_000_000_000


# What doors ask for: one scope, or a second one besides.
EVERY = tuple(Scope)
ASKED = tuple(
    dict.fromkeys((*((scope,) for scope in Scope), *(door.scopes for door in DOORS.values() if door.scopes), EVERY))
)


def without(*scopes: Scope) -> tuple[Scope, ...]:
    """All scopes but the last of these: whoever has the first alone is not let in either."""
    return tuple(each for each in Scope if each is not scopes[-1])


def name_secret(*scopes: Scope, has: bool) -> str:
    return f"sk-{'with' if has else 'without'}-{'-'.join(scopes)}"


def name_token(*scopes: Scope, has: bool) -> str:
    return f"{PREFIX}{'with' if has else 'without'}-{'-'.join(scopes)}"


def secrets_of_every_kind() -> Mapping[str, SecretKey]:
    """What stands in the directory. A revoked key does not."""
    expired = SecretKey(source="site", scopes=tuple(Scope), id=90, expires=LONG_AGO)
    found = {hash_secret(EXPIRED_SECRET): expired}
    for number, scopes in enumerate(ASKED):
        found[hash_secret(name_secret(*scopes, has=True))] = SecretKey("site", scopes, id=100 + number)
        found[hash_secret(name_secret(*scopes, has=False))] = SecretKey("site", without(*scopes), id=200 + number)
    return found


CLIENTS = {CLIENT_ID: OAuthClient(source="site", scopes=tuple(Scope), id=4)}


def keep_tokens(client: Client) -> None:
    """Tokens as the token door leaves them in Redis."""
    for asked in ASKED:
        kinds = ((name_token(*asked, has=True), asked), (name_token(*asked, has=False), without(*asked)))
        for token, scopes in kinds:
            keep_token(client, hash_token(token), Token(CLIENT_ID, scopes, AT_LAST), LONG_AGO)
