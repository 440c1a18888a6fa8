"""OAuth clients: made with a secret that is shown once, changed, removed."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from ingestion import operating
from ingestion.models import OAuthClient, Source
from studio.lists import Column, Listing
from studio.pages import StudioRequest, find_by, needs, show
from studio.roles import Ability
from studio.setup.forms import ClientForm, NewClientForm

LISTING = Listing(
    columns=(
        Column(_("Client"), ("application__name",)),
        Column(_("Source"), ("source__name",)),
        Column(_("May")),
        Column(_("Last used"), ("last_used",)),
    ),
    search=("application__name", "application__client_id", "source__name"),
    sort="application__name",
)


@needs(Ability.SET_UP)
def show_clients(request: StudioRequest) -> HttpResponse:
    listing = LISTING.show(request, OAuthClient.objects.select_related("application", "source"))
    context = {"title": _("OAuth clients"), "listing": listing, "has_sources": Source.objects.exists()}
    return show(request, "studio/setup/clients.html", context)


@never_cache
@needs(Ability.SET_UP, methods=("GET", "HEAD", "POST"))
def show_new_client(request: StudioRequest) -> HttpResponse:
    """The form, and with POST the new client, whose secret this page alone ever shows."""
    asked = Source.objects.filter(slug=request.GET.get("source", "")).first()
    form = NewClientForm(request.POST if request.method == "POST" else None, initial={"source": asked})
    if not form.is_valid():
        context = {"title": _("New OAuth client"), "form": form}
        return show(request, "studio/setup/client_new.html", context, status=422 if form.is_bound else 200)
    client, secret = operating.add_client(**form.cleaned_data, by=find_by(request), at=timezone.now())
    host = request.build_absolute_uri("/").rstrip("/")
    context = {"title": client.application.name, "client": client, "secret": secret, "host": host}
    return show(request, "studio/setup/client_secret.html", context)


@needs(Ability.SET_UP, methods=("GET", "HEAD", "POST"))
def show_client(request: StudioRequest, pk: int) -> HttpResponse:
    client = get_object_or_404(OAuthClient.objects.select_related("application", "source"), pk=pk)
    said = {"name": client.application.name, "scopes": client.scopes}
    form = ClientForm(request.POST if request.method == "POST" else None, initial=said, now=said)
    if form.is_valid():
        name, scopes = form.cleaned_data["name"], form.cleaned_data["scopes"]
        operating.change_client(client, name=name, scopes=scopes, by=find_by(request), at=timezone.now())
        messages.success(request, gettext("Saved. It holds for tokens that were given out already, within a second."))
        return redirect("studio:oauth_clients")
    context = {"title": client.application.name, "client": client, "form": form}
    return show(request, "studio/setup/client.html", context, status=422 if form.is_bound else 200)


@needs(Ability.SET_UP, methods=("POST",))
def remove(request: StudioRequest, pk: int) -> HttpResponse:
    client = get_object_or_404(OAuthClient.objects.select_related("application", "source"), pk=pk)
    name = client.application.name
    operating.end_client(client, by=find_by(request), at=timezone.now())
    messages.success(request, gettext("%(name)s is removed, and its tokens with it.") % {"name": name})
    return redirect("studio:oauth_clients")
