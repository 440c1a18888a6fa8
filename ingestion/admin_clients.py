"""The operators' pages of OAuth clients: made, limited and ended; the toolkit's own pages are put away."""

from typing import Any

import oauth2_provider.admin  # noqa: F401  # registers its pages, so that they can be put away below
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from oauth2_provider import models as toolkit

from ingestion.actions import change_oauth_client, create_oauth_client, remove_oauth_client
from ingestion.forms import OAuthClientChangeForm, OAuthClientForm
from ingestion.models import OAuthClient
from profiles.admin import ModelAdmin

for _model in (toolkit.Application, toolkit.AccessToken, toolkit.Grant, toolkit.IDToken, toolkit.RefreshToken):
    admin.site.unregister(_model)


class OAuthClientAdmin(ModelAdmin):
    list_display = ("__str__", "client_id", "source", "may", "last_used")
    list_select_related = ("application", "source")
    list_filter = ("source",)
    search_fields = ("application__name", "application__client_id")
    ordering = ("application__name",)

    @admin.display(description="Client id")
    def client_id(self, client: OAuthClient) -> str:
        return str(client.application.client_id)

    @admin.display(description="May")
    def may(self, client: OAuthClient) -> str:
        return ", ".join(client.scopes)

    @method_decorator(never_cache)
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form, and with POST the new client, whose secret this page alone ever shows."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = OAuthClientForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._show(request, "form", {"title": "Make an OAuth client", "form": form, "may_change": True})
        client, secret = create_oauth_client(**form.cleaned_data)
        self.log_addition(request, client, f"Made the OAuth client {client}.")
        host = request.build_absolute_uri("/").rstrip("/")
        return self._show(
            request, "secret", {"title": "Client secret", "client": client, "secret": secret, "host": host}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        client = self.get_object(request, object_id)
        if client is None:
            return redirect("admin:ingestion_oauthclient_changelist")
        may_change = self.has_change_permission(request, client)
        if not may_change and (request.method == "POST" or not self.has_view_permission(request, client)):
            raise PermissionDenied
        said = {"name": client.application.name, "scopes": client.scopes}
        form = OAuthClientChangeForm(request.POST if request.method == "POST" else None, initial=said)
        if form.is_valid():
            change_oauth_client(client, **form.cleaned_data)
            self.log_change(request, client, f"May now: {', '.join(client.scopes)}.")
            messages.success(request, f"{client} is changed.")
            return redirect("admin:ingestion_oauthclient_changelist")
        rights = {"may_change": may_change, "may_delete": self.has_delete_permission(request, client)}
        return self._show(request, "form", {"title": str(client), "form": form, "client": client, **rights})

    def delete_model(self, request: HttpRequest, obj: OAuthClient) -> None:
        remove_oauth_client(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[OAuthClient]) -> None:
        for client in queryset:
            remove_oauth_client(client)

    def _show(self, request: HttpRequest, page: str, more: dict[str, Any]) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/ingestion/oauthclient/{page}.html", {**common, **more})
