"""Lines to paste: how a site, an app or a back end sends its events to this server."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from ingestion.models import Source
from ingestion.snippet import make_script, read_head


@dataclass(frozen=True)
class Lines:
    """One way to send: `first` is what has to be installed before, if anything."""

    key: str
    label: Any
    says: Any
    code: str
    first: str = ""


def list_ways(source: Source, host: str) -> list[Lines]:
    """All ways, those of the source's kind first."""
    key = source.write_key
    site = Lines(
        "snippet",
        _("Snippet"),
        _("Into the <head> of every page. The first page view is sent by itself."),
        f"{read_head()}\n{make_script(host, key)}",
    )
    browser = Lines(
        "browser",
        _("JavaScript SDK"),
        _("Segment’s SDK for browsers, unchanged: it fetches its settings from this server."),
        "import { AnalyticsBrowser } from '@segment/analytics-next';\n\n"
        f"const analytics = AnalyticsBrowser.load({{ writeKey: '{key}', cdnURL: '{host}' }});\n\n"
        "analytics.track('Product Viewed', { category: 'Outdoor', price: 129 });",
        "npm install @segment/analytics-next",
    )
    rudder = Lines(
        "rudder",
        _("RudderStack for browsers"),
        _("RudderStack’s SDK for browsers, unchanged."),
        "import { RudderAnalytics } from '@rudderstack/analytics-js';\n\n"
        "const analytics = new RudderAnalytics();\n"
        f"analytics.load('{key}', '{host}', {{ configUrl: '{host}' }});\n\n"
        "analytics.track('Product Viewed', { category: 'Outdoor', price: 129 });",
        "npm install @rudderstack/analytics-js",
    )
    python = Lines(
        "python",
        _("Python"),
        _("Segment’s SDK for Python. “shutdown” waits until everything is sent."),
        "import segment.analytics as analytics\n\n"
        f'analytics.write_key = "{key}"\nanalytics.host = "{host}"\n\n'
        'analytics.identify("u1", {"country": "FR", "plan": "gold"})\n'
        'analytics.track("u1", "Order Completed", {"revenue": 129.5, "currency": "EUR"})\n'
        "analytics.shutdown()",
        "pip install segment-analytics-python",
    )
    rudder_python = Lines(
        "rudder-python",
        _("RudderStack for Python"),
        _("RudderStack’s SDK for Python."),
        "import rudderstack.analytics as analytics\n\n"
        f'analytics.write_key = "{key}"\nanalytics.dataPlaneUrl = "{host}"\n\n'
        'analytics.track("u1", "Order Completed", {"revenue": 129.5, "currency": "EUR"})\n'
        "analytics.shutdown()",
        "pip install rudder-sdk-python",
    )
    node = Lines(
        "node",
        _("Node"),
        _("Segment’s SDK for Node."),
        "import { Analytics } from '@segment/analytics-node';\n\n"
        f"const analytics = new Analytics({{ writeKey: '{key}', host: '{host}' }});\n\n"
        "analytics.track({ userId: 'u1', event: 'Order Completed', properties: { revenue: 129.5 } });\n"
        "await analytics.closeAndFlush();",
        "npm install @segment/analytics-node",
    )
    curl = Lines(
        "curl",
        _("curl"),
        _("By hand. With X-Strict-Mode a refused event is answered with the reason."),
        f"curl -u {key}: -H 'X-Strict-Mode: 1' {host}/v1/track -d '{{\n"
        '  "userId": "u1", "event": "Order Completed", "properties": {"revenue": 59.9}}\'',
    )
    if source.kind == Source.Kind.SITE:
        return [site, browser, rudder, python, node, curl]
    if source.kind == Source.Kind.APP:
        return [browser, rudder, node, python, curl, site]
    return [python, rudder_python, node, curl]
