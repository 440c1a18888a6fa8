"""What the browser SDKs of Segment and RudderStack ask for before they send: the least that makes them start. Pure."""

from typing import Any

from ingestion.directory import Source


def segment_settings(source: Source, *, scheme: str, host: str) -> dict[str, Any]:
    """For `GET /v1/projects/{key}/settings` of analytics-next: send to this host, load nothing else."""
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": source.write_key,
                "apiHost": f"{host}/v1",
                "protocol": scheme,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudderstack_settings(source: Source) -> dict[str, Any]:
    """For `GET /sourceConfig` of the RudderStack SDK: an enabled source without destinations, no telemetry."""
    off = {"enabled": False}
    return {
        "source": {
            "id": source.slug,
            "name": source.name,
            "writeKey": source.write_key,
            "enabled": True,
            "workspaceId": "1",
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [],
            "destinations": [],
            "dataplanes": {},
        },
    }
