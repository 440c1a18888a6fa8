"""Changes of a person: events of the key's source, like any other; nothing is written to a profile from here."""

from typing import Any

import msgspec
from graphene import ID, Argument, Boolean, Field, ObjectType, String
from graphql import GraphQLResolveInfo

from ingestion.meter import Way
from ingestion.parse import Sender, parse_messages
from personalization.graphql.asked import Asked, check_field, to_key
from personalization.graphql.problems import BadRequest, EventRefused
from personalization.graphql.scalars import JSON
from profiles.consent import UPDATED

_encode = msgspec.json.Encoder().encode


class Stored(ObjectType):
    """The event is stored, and will be applied within a moment. Sent again with the same messageId it counts once."""

    message_id = ID(required=True)


_PERSON = {
    "user_id": String(),
    "anonymous_id": String(),
    "message_id": String(description="Makes the call safe to repeat; made up if absent."),
}


class Mutation(ObjectType):
    """What can be changed."""

    set_traits = Field(Stored, traits=Argument(JSON, required=True), **_PERSON)
    set_consent = Field(
        Stored, purpose=Argument(String, required=True), granted=Argument(Boolean, required=True), **_PERSON
    )

    @staticmethod
    async def resolve_set_traits(root: None, info: GraphQLResolveInfo, traits: Any, **person: str) -> dict[str, str]:
        check_field(info)
        if not isinstance(traits, dict) or not traits:
            raise BadRequest("traits are an object with at least one of them")
        return await _store(info.context, {"type": "identify", "traits": traits}, **person)

    @staticmethod
    async def resolve_set_consent(
        root: None, info: GraphQLResolveInfo, purpose: str, granted: bool, **person: str
    ) -> dict[str, str]:
        check_field(info)
        if not purpose.strip():
            raise BadRequest("name the purpose")
        consent = {"categoryPreferences": {purpose: granted}}
        message = {"type": "track", "event": UPDATED, "context": {"consent": consent}}
        return await _store(info.context, message, **person)


async def _store(
    asked: Asked,
    message: dict[str, Any],
    *,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    message_id: str | None = None,
) -> dict[str, str]:
    """Parses the message as a door would, and answers when it is stored. Raises BadRequest, EventRefused, Overloaded,
    LogUnavailable."""
    caller, engine = asked.caller, asked.engine
    to_key(user_id=user_id, anonymous_id=anonymous_id)
    named = {"userId": user_id, "anonymousId": anonymous_id, "messageId": message_id}
    parsed = parse_messages(
        [_encode({**message, **named})],
        sender=Sender(caller.source),
        received=engine.clock(),
        limits=engine.limits,
        schemas=engine.directory().schemas,
    )
    for refusal in parsed.refusals:
        engine.appender.note([(caller.source, refusal)], way=Way.GRAPHQL)
        raise EventRefused(refusal.reason, refusal.message)
    await engine.appender.append(parsed.events, way=Way.GRAPHQL)
    return {"message_id": parsed.events[0].id}
