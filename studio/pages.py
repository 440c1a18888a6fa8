"""How every page of the Studio is let in and shown: who asks, what it needs, and what its frame says."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from studio.roles import ABILITIES, Ability, Role, Visitor, find_visitor

View = Callable[..., HttpResponseBase]
# Pages for which one needs these say something of single people: no browser shows them after somebody signed out.
NOT_KEPT = frozenset({Ability.PEOPLE, Ability.PERSONAL, Ability.PRIVACY, Ability.EVENTS})
THEME = "pz_theme"  # the cookie that keeps the choice of light or dark
THEMES = ("light", "dark")
HOME = "/studio/"  # what every address of it begins with

# The pages of the side bar: name of the URL, what it is called, its icon, what one needs for it.
NAVIGATION: tuple[tuple[Any, tuple[tuple[str, Any, str, Ability], ...]], ...] = (
    (
        "",
        (
            ("studio:overview", _("Overview"), "layout-dashboard", Ability.LOOK),
            ("studio:audiences", _("Audiences"), "users", Ability.LOOK),
            ("studio:rules", _("Content"), "layout-template", Ability.LOOK),
            ("studio:publish", _("Publish"), "rocket", Ability.LOOK),
        ),
    ),
    (
        _("Data"),
        (
            ("studio:people", _("People"), "user-search", Ability.PEOPLE),
            ("studio:decisions", _("Decisions"), "list-checks", Ability.PEOPLE),
            ("studio:live", _("Live events"), "activity", Ability.EVENTS),
        ),
    ),
    (
        _("Organisation"),
        (
            ("studio:audit", _("Audit trail"), "scroll-text", Ability.LOOK),
            ("studio:set_up", _("Set-up"), "settings", Ability.LOOK),
        ),
    ),
)
# After `g`, the letter that goes to each of them (static/studio/shortcuts.js).
LETTERS = {
    "studio:overview": "o",
    "studio:audiences": "a",
    "studio:rules": "c",
    "studio:publish": "p",
    "studio:people": "e",
    "studio:decisions": "d",
    "studio:live": "l",
    "studio:audit": "t",
    "studio:set_up": "s",
}


class StudioRequest(HttpRequest):
    """A request that has been let in."""

    visitor: Visitor


def needs(ability: Ability, *, methods: Sequence[str] = ("GET", "HEAD")) -> Callable[[View], View]:
    """Lets in who is signed in and may do that: others are sent to sign in, or told what they lack."""

    def decorate(view: View) -> View:
        allowed = require_http_methods(list(methods))(view)

        @wraps(view)
        def ask(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            visitor = find_visitor(request.user)
            if visitor is None and not request.user.is_authenticated:
                return send_to_sign_in(request)
            if visitor is None or not visitor.may(ability):
                return refuse(request, visitor, ability)
            let_in = cast(StudioRequest, request)
            let_in.visitor = visitor
            answer = allowed(let_in, *args, **kwargs)
            if ability in NOT_KEPT:
                answer.headers.setdefault("Cache-Control", "no-store")
            return answer

        guarded: Any = ask
        guarded.ability, guarded.methods = ability, tuple(methods)  # what tests of every page walk through
        return cast(View, guarded)

    return decorate


def send_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Also out of a part of a page, which cannot be replaced by the form."""
    where = reverse("studio:sign_in")
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": where})
    return redirect_to_login(request.get_full_path(), where)


def refuse(request: HttpRequest, visitor: Visitor | None, ability: Ability) -> HttpResponse:
    """What the login lacks, and who can mend it."""
    cast(StudioRequest, request).visitor = visitor  # type: ignore[assignment]  # the frame shows what they may see
    roles = [str(role.label) for role in Role if ability in ABILITIES[role]]
    context = {
        "role": None if visitor is None else Role(visitor.role).label,
        "roles": get_text_list(roles, gettext("or")),
        "title": _("Not for you"),
    }
    return show(request, "studio/refused.html", context, status=403)


def show(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> TemplateResponse:
    """A page, or a part of one."""
    return TemplateResponse(request, template, context, status=status)


def find_by(request: HttpRequest) -> Any:
    """The login that acts, for actions."""
    return cast(StudioRequest, request).visitor.user


def is_part(request: HttpRequest) -> bool:
    """Whether only a part of the page is asked for."""
    return bool(request.headers.get("HX-Request")) and not request.headers.get("HX-History-Restore-Request")


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor: what the frame around every page of the Studio needs."""
    if not request.path.startswith(HOME):
        return {}
    visitor = getattr(request, "visitor", None)
    theme = request.COOKIES.get(THEME, "")
    navigation, goes = [], []
    for title, pages in NAVIGATION:
        open_to = [page for page in pages if visitor and visitor.may(page[3])]
        if open_to:
            navigation.append((title, [(reverse(url), name, icon) for url, name, icon, _ability in open_to]))
            goes += [(LETTERS[url], reverse(url), name) for url, name, _icon, _ability in open_to]
    return {
        "visitor": visitor,
        "theme": theme if theme in THEMES else "",
        "navigation": navigation,
        "goes": goes,
        "here": request.path,
    }
