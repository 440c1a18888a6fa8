"""Secret keys of back ends: made, shown once, listed, revoked."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from ingestion import operating
from ingestion.models import SecretKey, Source
from studio.lists import Column, Filter, Listing, Rows
from studio.pages import StudioRequest, find_by, needs, show
from studio.roles import Ability
from studio.setup.forms import SecretKeyForm


def _keep(rows: Rows, state: str) -> Rows:
    """Those that are in that state."""
    now = timezone.now()
    if state == "revoked":
        return rows.exclude(revoked=None)
    if state == "expired":
        return rows.filter(revoked=None, expires__lte=now)
    return rows.filter(revoked=None).exclude(expires__lte=now)


LISTING = Listing(
    columns=(
        Column(_("Key"), ("name",)),
        Column(_("Source"), ("source__name",)),
        Column(_("May")),
        Column(_("Last used"), ("last_used",)),
        Column(_("Expires"), ("expires",)),
        Column(_("State")),
    ),
    search=("name", "prefix", "source__name"),
    filters=(
        Filter(
            "state",
            _("Every state"),
            [("good", _("In use")), ("expired", _("Expired")), ("revoked", _("Revoked"))],
            _keep,
        ),
    ),
    sort="name",
)


@needs(Ability.SET_UP)
def show_keys(request: StudioRequest) -> HttpResponse:
    listing = LISTING.show(request, SecretKey.objects.select_related("source"))
    return show(
        request, "studio/setup/secret_keys.html", {"title": _("Secret keys"), "listing": listing, "now": timezone.now()}
    )


@never_cache
@needs(Ability.SET_UP, methods=("GET", "HEAD", "POST"))
def show_new_key(request: StudioRequest, slug: str) -> HttpResponse:
    """The form, and with POST a secret key, which this page alone ever shows."""
    source = get_object_or_404(Source, slug=slug)
    form = SecretKeyForm(request.POST if request.method == "POST" else None)
    context = {"title": _("New secret key"), "source": source, "form": form}
    if not form.is_valid():
        return show(request, "studio/setup/secret_key_new.html", context, status=422 if form.is_bound else 200)
    said = form.cleaned_data
    row, key = operating.add_secret_key(source, **said, by=find_by(request), at=timezone.now())
    host = request.build_absolute_uri("/").rstrip("/")
    context = {"title": row.name, "source": source, "row": row, "key": key, "host": host}
    return show(request, "studio/setup/secret_key.html", context)


@needs(Ability.SET_UP, methods=("POST",))
def revoke(request: StudioRequest, slug: str, pk: int) -> HttpResponse:
    key = get_object_or_404(SecretKey, pk=pk, source__slug=slug, revoked=None)
    operating.end_secret_key(key, by=find_by(request), at=timezone.now())
    messages.success(request, gettext("The key %(name)s is revoked.") % {"name": key.name or key})
    return redirect("studio:source", slug)
