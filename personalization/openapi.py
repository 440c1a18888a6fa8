"""The OpenAPI description of the doors that stand before Django and its REST framework."""

from typing import Any

from ingestion.scopes import MEANINGS
from personalization.mail.openapi import describe_render
from profiles.consent import STATES
from rules.engine import Kept, Reason

_ID = {"type": "string", "minLength": 1, "maxLength": 255}
_PROBLEM = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}
_CONSENT = {
    "type": "string",
    "enum": list(STATES),
    "description": "The state of the device's consent: unless it is granted, nobody is looked up, whoever is named",
}
_DECIDE: dict[str, Any] = {
    "operationId": "decide",
    "summary": "What to show a person in one or several slots, and why",
    "description": "A write key (Basic user, or writeKey in the body) asks for its visitor's anonymousId; naming a "
    "userId takes a secret key or a token with the scope `decide` (Bearer). Past the deadline every slot says "
    "`timeout`: show what the page has.",
    "security": [{"writeKey": []}, {"secretKey": []}, {"oauth2": ["decide"]}, {}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["slots"],
                    "properties": {
                        "slots": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 50},
                        "anonymousId": _ID,
                        "userId": _ID,
                        "context": {"type": "object", "additionalProperties": True},
                        "consent": _CONSENT,
                        "explain": {"type": "boolean", "description": "Tell the rules behind the shown one too"},
                        "writeKey": {"type": "string"},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "The answer, slot by slot",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["decisionId", "book", "slots"],
                        "properties": {
                            "decisionId": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                            "book": {"type": "integer", "description": "Number of the Book that answered"},
                            "slots": {
                                "type": "object",
                                "additionalProperties": {
                                    "type": "object",
                                    "required": ["reason", "block"],
                                    "properties": {
                                        "reason": {"type": "string", "enum": [reason.value for reason in Reason]},
                                        "rule": {"type": "string"},
                                        "segments": {"type": "array", "items": {"type": "string"}},
                                        "suppressed": {
                                            "type": "array",
                                            "description": "Rules that held and would have come first",
                                            "items": {
                                                "type": "object",
                                                "properties": {
                                                    "rule": {"type": "string"},
                                                    "why": {"type": "string", "enum": [why.value for why in Kept]},
                                                },
                                            },
                                        },
                                        "offer": {
                                            "type": "object",
                                            "description": "What was granted with the block",
                                            "properties": {
                                                "offer": {"type": "string"},
                                                "kind": {"type": "string"},
                                                "name": {"type": "string"},
                                                "code": {"type": "string"},
                                                "points": {"type": "integer"},
                                            },
                                        },
                                        "block": {
                                            "type": "object",
                                            "nullable": True,
                                            "required": ["slug", "kind"],
                                            "properties": {
                                                "slug": {"type": "string"},
                                                "kind": {"type": "string", "enum": ["html", "json", "email"]},
                                                "html": {"type": "string"},
                                                "json": {},
                                                "subject": {"type": "string"},
                                                "text": {"type": "string"},
                                                "fallbackFor": {"type": "string"},
                                            },
                                        },
                                    },
                                },
                            },
                        },
                    }
                }
            },
        },
        **{
            status: {"description": text, "content": {"application/problem+json": {"schema": _PROBLEM}}}
            for status, text in {
                "400": "The body is not a decide call",
                "401": "The key is not known",
                "403": "A userId needs a secret key or a token, and these the scope `decide`",
                "413": "The body is too large",
                "429": "Too many calls; Retry-After says when to call again",
                "503": "Not ready; Retry-After says when to ask again",
            }.items()
        },
    },
}
_ANSWER = _DECIDE["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
_BATCH: dict[str, Any] = {
    "operationId": "decideBatch",
    "summary": "What to show up to 500 people, each answered or told why not",
    "description": "For back ends and senders. `answers` come in the order of `people`.",
    "security": [{"secretKey": []}, {"oauth2": ["decide"]}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["people", "slots"],
                    "properties": {
                        "people": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 500,
                            "items": {
                                "type": "object",
                                "properties": {
                                    "userId": _ID,
                                    "anonymousId": _ID,
                                    "context": {"type": "object"},
                                    "consent": _CONSENT,
                                },
                            },
                        },
                        "slots": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 50},
                        "context": {"type": "object", "additionalProperties": True},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "An answer or an error for each person",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["answers"],
                        "properties": {
                            "answers": {
                                "type": "array",
                                "items": {"type": "object", "properties": {**_ANSWER, "error": _PROBLEM}},
                            }
                        },
                    }
                }
            },
        },
        **{status: told for status, told in _DECIDE["responses"].items() if status != "200"},
    },
}
_SCHEMES = {
    "writeKey": {"type": "http", "scheme": "basic", "description": "The source's write key as user, no password"},
    "secretKey": {"type": "http", "scheme": "bearer", "description": "A secret key of the source"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "An operator who is signed in; calls that change something send Django's CSRF token too",
    },
    "oauth2": {
        "type": "oauth2",
        "description": "A token of an OAuth client, good for an hour",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/oauth/token",
                "scopes": {scope.value: meaning for scope, meaning in MEANINGS.items()},
            }
        },
    },
}


def add_hot_doors(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    result.setdefault("paths", {})["/api/v1/decide"] = {"post": _DECIDE}
    result["paths"]["/api/v1/decide/batch"] = {"post": _BATCH}
    result["paths"]["/api/v1/email/render"] = {"post": describe_render(_PROBLEM)}
    result.setdefault("components", {}).setdefault("securitySchemes", {}).update(_SCHEMES)
    return result
