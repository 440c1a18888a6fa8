"""What a merge tag can say, to be picked: traits that people have, context, offer, links of e-mails, moments."""

from typing import Any, NamedTuple

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from rules.models import Block
from studio.pages import needs, show
from studio.roles import Ability

SAMPLE = 2_000  # profiles seen last whose traits are offered
MOST_TRAITS = 100


class Tag(NamedTuple):
    """`path` is what is printed; `example` a fallback that fits; `is_sure` says that it needs none."""

    path: str
    label: str
    example: str = ""
    is_sure: bool = False
    is_date: bool = False


@needs(Ability.LOOK)
def show_tags(request: HttpRequest) -> HttpResponse:
    groups = list_tags(request.GET.get("kind", ""))
    return show(request, "studio/blocks/tags.html", {"groups": groups})


def list_tags(kind: str) -> list[tuple[str, list[Tag]]]:
    """What a block of that kind can print, in groups."""
    person = [Tag(f"profile.traits.{name}", name, _example(name)) for name in list_traits()]
    groups = [
        (_("Of the person"), [*person, Tag("profile.user_id", _("User id"), _("guest"))]),
        (
            _("Of the offer that is granted with it"),
            [
                Tag("offer.code", _("Discount code"), "SAVE10"),
                Tag("offer.points", _("Loyalty points"), "0"),
                Tag("offer.name", _("Name of the offer"), _("our offer")),
            ],
        ),
        (
            _("Of the page and the visit"),
            [
                Tag("context.page.path", _("Path of the page"), "/"),
                Tag("context.page.title", _("Title of the page"), _("this page")),
                Tag("context.page.search", _("Search of the page"), ""),
                Tag("context.campaign.source", _("Campaign source (utm_source)"), ""),
                Tag("context.campaign.name", _("Campaign (utm_campaign)"), ""),
                Tag("context.locale", _("Language of the browser"), "en"),
                Tag("context.timezone", _("Time zone"), "UTC"),
                Tag("context.cart.total", _("What your site says of the cart"), "0"),
            ],
        ),
        (_("Moment"), [Tag("now", _("Today, as a date"), is_sure=True, is_date=True)]),
    ]
    if kind == Block.Kind.EMAIL:
        mail = [
            Tag("unsubscribe_url", _("Where one unsubscribes"), is_sure=True),
            Tag("view_url", _("The message in a browser"), is_sure=True),
            Tag("data.firstName", _("What the sender gives for this message"), _("there")),
        ]
        groups.insert(2, (_("Of the message"), mail))
    return groups


def list_traits() -> list[str]:
    """The traits of people seen last, those that most have first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM (SELECT traits FROM profiles_storedprofile ORDER BY last_seen DESC LIMIT %s) AS seen, "
            "jsonb_object_keys(seen.traits) AS name GROUP BY name ORDER BY count(*) DESC, name LIMIT %s",
            [SAMPLE, MOST_TRAITS],
        )
        found = [str(name) for (name,) in cursor.fetchall()]
    named = [name for name in found if name.replace("_", "a").replace("-", "a").isalnum() and name.isascii()]
    return named or ["firstName", "lastName", "city", "country"]


def _example(name: str) -> Any:
    simple = name.lower().replace("_", "")
    return {"firstname": _("there"), "name": _("there"), "lastname": "", "city": _("your city")}.get(simple, "")
