"""What a new block of each kind says at first: something that works, and shows how it is done."""

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from rules.models import Block

Kind = Block.Kind


class Start(NamedTuple):
    """`about` says what the kind is for; the rest is what the form of a new one says."""

    icon: str
    label: Any
    about: Any
    source: str
    subject: str = ""
    shape: dict[str, Any] | None = None


STARTS: dict[str, Start] = {
    Kind.HTML: Start(
        "layout-template",
        _("HTML"),
        _("A banner or a text for web pages, and for slots inside e-mails."),
        '<section class="banner">\n'
        '  <h2>Hello {{ profile.traits.firstName | default: "there" }}</h2>\n'
        "  <p>Say here what this person should know.</p>\n"
        "  {% if offer.code %}<p>Your own code: <strong>{{ offer.code }}</strong></p>{% endif %}\n"
        '  <p><a href="/new/">See what is new</a></p>\n'
        "</section>\n",
    ),
    Kind.EMAIL: Start(
        "mail",
        _("E-mail"),
        _("A whole message: subject, HTML and text."),
        "<style>\n"
        "  .card { padding: 24px; background: #f4f5fa; font-family: Arial, sans-serif; }\n"
        "  .button { padding: 12px 20px; background: #4343c4; color: #ffffff; text-decoration: none; }\n"
        "</style>\n"
        '<table width="600" align="center" cellpadding="0" cellspacing="0"><tr><td class="card">\n'
        '  <h1>Hello {{ profile.traits.firstName | default: "there" }}</h1>\n'
        "  <p>Say here what this person should know.</p>\n"
        '  <p><a class="button" href="https://shop.example/">See what is new</a></p>\n'
        '  <p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>\n'
        "</td></tr></table>\n",
        subject='{{ profile.traits.firstName | default: "Hello" }}, something new for you',
    ),
    Kind.JSON: Start(
        "code",
        _("JSON"),
        _("Fields for sites and apps that draw the content themselves."),
        "{\n"
        '  "headline": "Hello {{ profile.traits.firstName | default: \'there\' }}",\n'
        '  "text": "Say here what this person should know.",\n'
        '  "link": "/new/"\n'
        "}\n",
        shape={
            "type": "object",
            "required": ["headline", "link"],
            "properties": {
                "headline": {"type": "string", "maxLength": 80},
                "text": {"type": "string"},
                "link": {"type": "string"},
            },
        },
    ),
    Kind.RECOMMENDATION: Start(
        "sparkles",
        _("Recommendation"),
        _("Products chosen for each person, and a block that stands in while there are none."),
        '{\n  "limit": 4,\n  "from": "bestsellers"\n}\n',
    ),
}
FIELDS: dict[str, tuple[str, ...]] = {  # of each kind, besides name and slug
    Kind.HTML: ("source",),
    Kind.EMAIL: ("subject", "source", "text"),
    Kind.JSON: ("source", "shape"),
    Kind.RECOMMENDATION: ("source", "fallback"),
}
