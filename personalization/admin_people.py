"""The operators' pages of a person's rights: everything that is known as a file, erasing, and the receipts of it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from ingestion.log import LogUnavailable
from personalization.people import UnknownPerson, export_person, request_erasure, stream_export
from profiles.admin import LookAdmin
from profiles.models import Erasure, StoredProfile
from profiles.queries import list_former
from profiles.store import StoreUnavailable

EXPORT = "profiles.export_person"
ERASE = "profiles.add_erasure"
AWAY = "Redis is away. Try again once it is back."


@require_GET
@never_cache
def show_export(request: HttpRequest, id: UUID) -> HttpResponseBase:
    """Everything that is known of a person, as a file."""
    if not request.user.has_perm(EXPORT):
        raise PermissionDenied
    try:
        pieces = export_person(id)
    except UnknownPerson:
        raise Http404 from None
    except StoreUnavailable:
        messages.error(request, AWAY)
        return redirect("admin:profiles_storedprofile_change", id)
    answer = StreamingHttpResponse(stream_export(pieces), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="person-{id}.json"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def show_erase(request: HttpRequest, id: UUID) -> HttpResponseBase:
    """Says who would be erased, and with POST asks for it."""
    if not request.user.has_perm(ERASE):
        raise PermissionDenied
    person = get_object_or_404(StoredProfile.objects.defer("state", "traits"), pk=id)
    if request.method != "POST":
        return _ask(request, person)
    try:
        receipt = request_erasure(id, by=request.user.get_username(), at=timezone.now())
    except (StoreUnavailable, LogUnavailable):
        messages.error(request, AWAY)
        return redirect("admin:profiles_storedprofile_change", id)
    messages.success(request, "It is asked for. The receipt says when it is done.")
    return redirect("admin:profiles_erasure_change", receipt.pk)


def _ask(request: HttpRequest, person: StoredProfile) -> HttpResponse:
    page = {
        **admin.site.each_context(request),
        "opts": StoredProfile._meta,
        "title": "Erase this person",
        "person": person,
        "former": len(list_former(person.pk)),
    }
    return TemplateResponse(request, "admin/profiles/storedprofile/erase.html", page)


@admin.register(Erasure)
class ErasureAdmin(LookAdmin):
    list_display = ("title", "state", "requested", "asked_by", "done")
    list_display_links = ("title",)
    ordering = ("-requested",)
    fields = ("id", "state", "requested", "asked_by", "done", "removed")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # it is asked for on the page of the person

    @admin.display(description="Receipt")
    def title(self, receipt: Erasure) -> str:
        return str(receipt.pk)

    @admin.display(description="State")
    def state(self, receipt: Erasure) -> str:
        return receipt.state

    @admin.display(description="By")
    def asked_by(self, receipt: Erasure) -> str:
        return receipt.by or "not said"

    @admin.display(description="Removed")
    def removed(self, receipt: Any) -> str:
        rows = ((f"{count:,}", what) for what, count in receipt.counts.items() if count)
        return format_html_join("", "{} {}<br>", rows) or "-"
