"""The OpenAPI description of the e-mail door, which stands before Django and its REST framework."""

from typing import Any

from personalization.mail.calls import MAX_RECIPIENTS, MAX_VALUE
from personalization.mail.links import UTM
from profiles.identity import MAX_ID_LENGTH

_ID = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}
_FREE = {"type": "object", "additionalProperties": True}
_INLINE = {
    "type": "object",
    "required": ["subject", "html"],
    "properties": {name: {"type": "string"} for name in ("subject", "html", "text")},
}
_REQUEST = {
    "type": "object",
    "required": ["template", "recipients"],
    "properties": {
        "template": {"oneOf": [{"type": "string", "description": "Slug of a published e-mail block"}, _INLINE]},
        "recipients": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_RECIPIENTS,
            "items": {
                "type": "object",
                "properties": {
                    "userId": _ID,
                    "anonymousId": _ID,
                    "email": {"type": "string", "format": "email"},
                    "context": _FREE,
                    "data": _FREE,
                },
            },
        },
        "utm": {"type": "object", "properties": {name: {"type": "string", "maxLength": MAX_VALUE} for name in UTM}},
        "purpose": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$", "default": "email"},
        "baseUrl": {"type": "string", "format": "uri"},
    },
}
_TEXTS = ("subject", "html", "text", "decisionId", "messageId")
_ANSWER = {
    "type": "object",
    "required": ["book", "messages"],
    "properties": {
        "book": {"type": "integer", "description": "Number of the Book that decided"},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    **{name: {"type": "string"} for name in _TEXTS},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                    "error": {
                        "type": "object",
                        "required": ["code", "message"],
                        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                    },
                },
            },
        },
    },
}


def describe_render(problem: dict[str, Any]) -> dict[str, Any]:
    """The operation; `problem` is the schema of what a refused call is answered."""
    refused = {
        "400": "The body is not a call, or the template makes no message",
        "401": "The key is not known",
        "403": "The key lacks the scope email:send, or is a write key",
        "404": "There is no such template",
        "413": "Too many bytes or recipients",
        "429": "Too many calls; Retry-After says when to call again",
        "503": "Not ready; Retry-After says when to ask again",
    }
    return {
        "operationId": "render_email",
        "summary": "A message for each recipient, or why there is none",
        "description": "What is wrong with one recipient is said of that one alone. Needs the scope `email:send`.",
        "security": [{"secretKey": []}, {"oauth2": ["email:send"]}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _REQUEST}}},
        "responses": {
            "200": {
                "description": "One entry for each recipient, in their order",
                "content": {"application/json": {"schema": _ANSWER}},
            },
            **{
                status: {"description": text, "content": {"application/problem+json": {"schema": problem}}}
                for status, text in refused.items()
            },
        },
    }
