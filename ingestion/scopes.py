"""What a secret key or a token can be allowed to do: every scope there is, with the sentence that explains it. Pure."""

from enum import StrEnum


class Scope(StrEnum):
    DECIDE = "decide"
    EVENTS = "events"
    PROFILES_READ = "profiles:read"
    PROFILES_WRITE = "profiles:write"
    SEGMENTS_READ = "segments:read"
    SEGMENTS_WRITE = "segments:write"
    CONTENT_READ = "content:read"
    CONTENT_WRITE = "content:write"
    PUBLISH = "publish"
    DECISIONS_READ = "decisions:read"
    EMAIL_SEND = "email:send"
    CATALOGUE_READ = "catalogue:read"
    CATALOGUE_WRITE = "catalogue:write"
    ERASE = "erase"


MEANINGS: dict[Scope, str] = {
    Scope.DECIDE: "Ask what any person is to be shown.",
    Scope.EVENTS: "Send events of its source.",
    Scope.PROFILES_READ: "Read what is known of any person.",
    Scope.PROFILES_WRITE: "Change what is known of any person, and what they have consented to.",
    Scope.SEGMENTS_READ: "Read segments and who is in them.",
    Scope.SEGMENTS_WRITE: "Change drafts of segments.",
    Scope.CONTENT_READ: "Read rules, blocks, slots and offers.",
    Scope.CONTENT_WRITE: "Change drafts of rules, blocks, slots and offers.",
    Scope.PUBLISH: "Bring drafts into force, and go back to an older Book.",
    Scope.DECISIONS_READ: "Read what was decided for whom, and why.",
    Scope.EMAIL_SEND: "Render e-mails for any person.",
    Scope.CATALOGUE_READ: "Read the event catalogue.",
    Scope.CATALOGUE_WRITE: "Change the event catalogue.",
    Scope.ERASE: "Erase a person for good.",
}


def read_scopes(said: object) -> tuple[Scope, ...]:
    """The scopes named in a list, each once and in the order they stand above; raises ValueError for another name."""
    if not isinstance(said, (list, tuple, set, frozenset)):
        raise ValueError("scopes are a list of names")
    named = {Scope(name) for name in said}
    return tuple(scope for scope in Scope if scope in named)
