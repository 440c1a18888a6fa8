"""Who calls: one frozen value for every door, made in one place from what a call says of itself."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from ingestion.directory import Directory
from ingestion.http import read_basic_user, read_bearer
from ingestion.scopes import Scope
from ingestion.uses import name_client, name_key
from personalization.tokens import Token


class Kind(StrEnum):
    WRITE_KEY = "write_key"
    SECRET_KEY = "secret_key"  # noqa: S105  # a kind of key, no key
    OAUTH = "oauth"
    SESSION = "session"


class Caller(msgspec.Struct, frozen=True):
    """Who calls, and what for. `source` is the slug of the source, "" of an operator's session, which has none; `key`
    names what the caller came in with, without giving it away: its calls and uses are counted under it."""

    kind: Kind
    source: str
    key: str
    scopes: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        """As people read of it beside what was changed: `secret key 12`, by the number it has in the admin."""
        return f"{WORDS[self.kind]} {self.key.partition(':')[2]}"


WORDS = {
    Kind.WRITE_KEY: "write key of",
    Kind.SECRET_KEY: "secret key",
    Kind.OAUTH: "OAuth client",
    Kind.SESSION: "operator",
}


class Credentials(NamedTuple):
    """What a call says of itself; "" for what it does not say."""

    write_key: str = ""
    bearer: str = ""


class UnknownKey(Exception):
    """Nobody has been given this key, or nobody has it any more."""


NOTHING_SAID = "send a secret key or a token as Bearer, or where it is enough the source's write key as Basic user"
WRONG_WRITE_KEY = "send the source's write key as Basic user or as writeKey"
WRONG_BEARER = "the key is not known: it was never given out, was revoked, or has expired"


def _may_all(*models: str) -> tuple[str, ...]:
    """Whoever may change drafts may add and remove them: the admin has a permission for each of these."""
    return tuple(
        f"{app}.{verb}_{model}"
        for app, _, model in (each.partition(".") for each in models)
        for verb in ("add", "change", "delete")
    )


# What an operator has to be allowed in the admin for a session to have a scope. Events are a source's: none sends them.
PERMISSIONS: dict[Scope, tuple[str, ...]] = {
    Scope.DECIDE: ("rules.view_rule", "profiles.view_storedprofile"),
    Scope.PROFILES_READ: ("profiles.view_storedprofile",),
    Scope.PROFILES_WRITE: ("profiles.change_storedprofile",),
    Scope.SEGMENTS_READ: ("segments.view_segment",),
    Scope.SEGMENTS_WRITE: _may_all("segments.segment"),
    Scope.CONTENT_READ: ("rules.view_rule", "rules.view_block", "rules.view_slot", "rules.view_offer"),
    Scope.CONTENT_WRITE: _may_all("rules.rule", "rules.block", "rules.slot", "rules.offer"),
    Scope.PUBLISH: ("rules.add_book",),
    Scope.DECISIONS_READ: ("rules.view_decision",),
    Scope.EMAIL_SEND: ("rules.view_block", "profiles.view_storedprofile"),
    Scope.CATALOGUE_READ: ("ingestion.view_eventtype",),
    Scope.CATALOGUE_WRITE: ("ingestion.change_eventtype", "ingestion.change_eventproperty"),
    Scope.ERASE: ("profiles.add_erasure",),
}


class Operator(Protocol):
    """What is asked of Django's user."""

    pk: int
    is_active: bool
    is_staff: bool

    def get_all_permissions(self) -> set[str]: ...


def read_credentials(authorization: bytes, write_key: str | None = None) -> Credentials:
    """From the Authorization header; `write_key` is what a body or a query says, and the header goes before it."""
    if bearer := read_bearer(authorization):
        return Credentials(bearer=bearer)
    return Credentials(write_key=read_basic_user(authorization) or write_key or "")


def make_caller(said: Credentials, *, directory: Directory, now: int, token: Token | None = None) -> Caller:
    """Who that is at `now` (Unix ms), by the directory in force; `token` is what a bearer stands for that is a token.
    Raises UnknownKey."""
    if not said.bearer:
        source = directory.source_of(said.write_key) if said.write_key else None
        if source is None:
            raise UnknownKey(WRONG_WRITE_KEY)
        return Caller(Kind.WRITE_KEY, source.slug, f"w:{source.slug}")
    key = directory.secret(said.bearer, now)
    if key is not None:
        return Caller(Kind.SECRET_KEY, key.source, name_key(key.id), frozenset(key.scopes))
    client = None if token is None or token.expires <= now else directory.clients.get(token.client)
    if token is None or client is None:
        raise UnknownKey(WRONG_BEARER)
    # What the client was allowed when the token was made, as far as it is allowed it still.
    allowed = frozenset(token.scopes) & frozenset(client.scopes)
    return Caller(Kind.OAUTH, client.source, name_client(client.id), allowed)


def make_session_caller(user: Operator) -> Caller | None:
    """An operator who is signed in, with the scopes that the admin's permissions amount to; None for anybody else."""
    if not (user.is_active and user.is_staff):
        return None
    return Caller(Kind.SESSION, "", f"u:{user.pk}", scopes_of(user.get_all_permissions(), PERMISSIONS))


def scopes_of(permissions: set[str], needed: Mapping[Scope, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(scope for scope, names in needed.items() if permissions.issuperset(names))
