"""Every address that Django answers, out of its URL map, and who may come in there: the one table of this folder."""

from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import Any, NamedTuple

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from personalization.doors import DOORS, Door, name_door
from studio.roles import ABILITIES, Ability, Role


class Guard(StrEnum):
    """Who stands at a door of Django's."""

    NOBODY = "nobody"  # everybody may come in
    CLIENT = "client"  # asks for the id and secret of an OAuth client
    STUDIO = "studio"  # asks the table of abilities for the one that the page names
    OPERATOR = "operator"  # the admin: who is staff, and has Django's permission
    STAFF = "staff"  # the admin's own pages: who is staff
    TABLE = "table"  # asks personalization/doors.py


# By the beginning of the route; the first one that fits counts. A route that none of them fits fails the test.
GUARDS: tuple[tuple[str, Guard], ...] = (
    ("admin/login/", Guard.NOBODY),  # leads to the Studio's page
    *((f"admin/{each}/", Guard.STAFF) for each in ("logout", "password_change", "jsi18n")),
    ("admin/", Guard.OPERATOR),
    ("studio/sign-in/", Guard.NOBODY),
    ("studio/sign-out/", Guard.NOBODY),
    ("studio/welcome/", Guard.NOBODY),  # by the link that an owner has made
    ("studio/catalog.js", Guard.NOBODY),  # words of the interface
    ("studio/", Guard.STUDIO),
    ("api/v1/", Guard.TABLE),
    ("oauth/", Guard.CLIENT),
    ("demo/", Guard.NOBODY),
)
# Pages that more people may look at than change: what a POST needs there, one of them.
POST_NEEDS: dict[str, tuple[Ability, ...]] = {
    "studio/audiences/<slug:slug>/": (Ability.EDIT,),
    # Who could tell a single person from a count works with people or with audiences.
    "studio/conditions/look/": (Ability.EDIT, Ability.PEOPLE),
    "studio/conditions/who/": (Ability.EDIT, Ability.PEOPLE),
    "studio/content/blocks/<slug:slug>/": (Ability.EDIT,),
    "studio/content/images/": (Ability.EDIT,),
    "studio/content/images/<int:pk>/": (Ability.EDIT,),
    "studio/content/offers/<slug:slug>/": (Ability.EDIT,),
    "studio/content/points/<uuid:id>/": (Ability.EDIT,),
    "studio/content/rules/<slug:slug>/": (Ability.EDIT,),
    "studio/content/slots/<slug:slug>/": (Ability.EDIT,),
    "studio/set-up/organisation/": (Ability.SET_UP,),
    "studio/set-up/sources/<slug:slug>/": (Ability.SET_UP,),
}
# What everybody who looks may send: changes of their own account, and questions that are too long for an address.
ONES_OWN = {f"studio/account/{each}" for each in ("codes/", "codes/off/", "language/", "password/", "sessions/end/")}
QUESTIONS = {
    *("studio/content/drafted/", "studio/content/preview/", "studio/content/rules/<slug:slug>/live/"),
}
STAFF_PAGES = {"admin/", r"admin/(?P<url>.*)$"}  # the admin's front, and its word for what is not there
FRONT = ""

EXAMPLES = {
    "slug": "nothing",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "int": "1",
    "path": "999999",
    "str": "1",
}
OTHERS = ("1", "x", "profiles", "00000000-0000-0000-0000-000000000000")  # for what regular expressions ask for


TWICE = {"/admin/login/"}  # written twice, and the first one answers


class Route(NamedTuple):
    """A route as Django has it, an address that leads there, and what answers."""

    route: str
    path: str
    view: Any

    @property
    def guard(self) -> Guard:
        if self.route == FRONT:
            return Guard.NOBODY
        if self.route in STAFF_PAGES:
            return Guard.STAFF
        return next(guard for beginning, guard in GUARDS if self.route.startswith(beginning))

    @property
    def ability(self) -> Ability:
        found: Ability = self.view.ability
        return found

    def abilities(self, method: str) -> tuple[Ability, ...]:
        """One of these is enough."""
        return POST_NEEDS.get(self.route, (self.ability,)) if method == "POST" else (self.ability,)

    def door(self, method: str) -> Door:
        return DOORS[name_door(method, self.route)]

    @property
    def methods(self) -> tuple[str, ...]:
        """What a page of the Studio or a REST view says it answers to; of others, what browsers can send."""
        if hasattr(self.view, "methods"):
            return tuple(self.view.methods)
        if hasattr(self.view, "actions"):
            return tuple(name.upper() for name in self.view.actions if name not in ("options", "head"))
        kind = getattr(self.view, "cls", None) or getattr(self.view, "view_class", None)
        if kind is not None:
            names = self.view.view_initkwargs.get("http_method_names", kind.http_method_names)
            return tuple(
                name.upper() for name in names if hasattr(kind, name) and name not in ("options", "head", "trace")
            )
        return ("GET", "POST")


def list_routes() -> list[Route]:
    """All of them; raises AssertionError of one that no example leads to."""
    return sorted(_walk(get_resolver().url_patterns, ""), key=lambda each: each.route)


def _walk(patterns: list[Any], beginning: str) -> Iterator[Route]:
    for each in patterns:
        route = beginning + str(each.pattern).removeprefix("^")  # as Django joins them
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, route)
        elif isinstance(each, URLPattern) and "(?P<format>" not in route:
            yield Route(route, _find_address(route), each.callback)


def _find_address(route: str) -> str:
    for example in OTHERS:
        for end in ("", "/"):
            path = _replace_names(name_door("", _fill(route)).strip(), example).rstrip("/") + end
            with suppress(Resolver404):
                if resolve(path or "/").route == route or path in TWICE:
                    return path or "/"
    raise AssertionError(f"no example leads to {route}: add one to EXAMPLES or OTHERS")


def _fill(route: str) -> str:
    for kind, value in EXAMPLES.items():
        while f"<{kind}:" in route:
            before, _, rest = route.partition(f"<{kind}:")
            route = before + value + rest.partition(">")[2]
    return route


def _replace_names(path: str, example: str) -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + example + rest.partition("}")[2]
    return path


def may(role: str, abilities: tuple[Ability, ...]) -> bool:
    return not ABILITIES[role].isdisjoint(abilities)


ROLES = tuple(Role)
