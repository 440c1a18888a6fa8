"""The pages of what is scheduled to be published: when, by whom, what of it, what became of it; and calling it off."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_http_methods

from profiles.admin import LookAdmin
from rules.admin_drafts import find_user
from rules.models import ScheduledPublication
from rules.scheduling import cancel_publication, list_scheduled_changes

PUBLISH = "rules.add_book"


class ScheduledPublicationAdmin(LookAdmin):
    """To look at, and to cancel: it is made on the page of publishing."""

    change_form_template = "admin/rules/scheduled/change_form.html"
    list_display = ("moment", "state", "outcome", "author", "note")
    list_filter = ("state",)
    list_select_related = ("by", "book")
    ordering = ("-at", "-pk")
    fields = ("at", "state", "outcome", "author", "created", "note", "changes")

    def get_queryset(self, request: HttpRequest) -> Any:
        publications = super().get_queryset(request)
        is_list = getattr(request.resolver_match, "url_name", "") == "rules_scheduledpublication_changelist"
        return publications.defer("payload", "base") if is_list else publications

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(PUBLISH) or super().has_view_permission(request, obj)

    @admin.display(description="When", ordering="at")
    def moment(self, publication: ScheduledPublication) -> Any:
        return publication.at

    @admin.display(description="By")
    def author(self, publication: ScheduledPublication) -> str:
        return str(publication.by or "the product")

    @admin.display(description="What became of it")
    def outcome(self, publication: ScheduledPublication) -> str:
        if publication.error:
            reasons = ((reason,) for reason in publication.error.splitlines())
            return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", reasons))
        if publication.book is not None:
            address = reverse("admin:rules_book_change", args=[publication.book.pk])
            return format_html('<a href="{}">{}</a>', address, publication.book)
        return "-"

    @admin.display(description="What it changes")
    def changes(self, publication: ScheduledPublication) -> str:
        """Of the Book that was in force when it was scheduled."""
        return render_to_string("admin/rules/book/changes.html", {"changes": list_scheduled_changes(publication)})

    def get_urls(self) -> list[URLPattern]:
        cancel = path(
            "<int:id>/cancel/",
            self.admin_site.admin_view(self.show_cancel),
            name="rules_scheduledpublication_cancel",
        )
        return [cancel, *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_cancel(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """What would not be published, and with POST: it will not be."""
        if not request.user.has_perm(PUBLISH):
            raise PermissionDenied
        publication = get_object_or_404(ScheduledPublication, pk=id)
        is_waiting = publication.state == ScheduledPublication.State.WAITING
        if request.method == "POST" or not is_waiting:
            if is_waiting and cancel_publication(publication, by=find_user(request)):
                self.log_change(request, publication, "Cancelled.")
                messages.success(request, "It is cancelled: nothing will be published. The drafts stay as they are.")
            else:
                publication.refresh_from_db()
                messages.error(request, f"It is too late: it is {publication.get_state_display().lower()} already.")
            return redirect("admin:rules_scheduledpublication_changelist")
        return self._show(request, publication)

    def _show(self, request: HttpRequest, publication: ScheduledPublication) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Cancel",
            "publication": publication,
            "changes": list_scheduled_changes(publication),
        }
        return TemplateResponse(request, "admin/rules/scheduled/cancel.html", context)
