"""The operators' pages of sources: their keys, the snippet to paste, and what became of their events."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ingestion.actions import create_secret_key, remove_source, revoke_secret_key, rotate_write_key, save_source
from ingestion.forms import OriginsField, SecretKeyForm
from ingestion.models import ImportRun, SecretKey, Source
from ingestion.origins import EXAMPLES
from ingestion.queries import count_day, count_outcomes
from ingestion.snippet import read_head
from profiles.admin import ModelAdmin

SHOWN_DAYS = 7

if TYPE_CHECKING:
    SourceModelForm = forms.ModelForm[Source]
else:  # Django's own class takes no parameter
    SourceModelForm = forms.ModelForm


class SourceForm(SourceModelForm):
    origins = OriginsField(
        required=False,
        help_text=f"Pages that may send and ask, one origin per line, {EXAMPLES}; none: any page may.",
    )

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if not slug.strip("-_"):
            raise forms.ValidationError("Use a letter or a digit; “-” stands for events that are of no source.")
        return slug


class SourceAdmin(ModelAdmin):
    form = SourceForm
    change_form_template = "admin/ingestion/source/change_form.html"
    list_display = ("name", "slug", "kind", "write_key", "debug", "strict", "today")
    list_per_page = 50
    show_full_result_count = False
    list_filter = ("kind",)
    search_fields = ("name", "slug", "write_key")
    ordering = ("name",)
    fields = ("name", "slug", "kind", "write_key", "origins", "debug", "strict", "created")

    def get_fields(self, request: HttpRequest, obj: Source | None = None) -> Any:
        made = ("write_key", "created")
        return [name for name in self.fields if obj is not None or name not in made]

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> tuple[str, ...]:
        # Events carry the slug of their source, so it stays what it is.
        return () if obj is None else ("slug", "write_key", "created")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Source | None = None) -> dict[str, Sequence[str]]:
        return {"slug": ("name",)} if obj is None else {}

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With today's counters of the sources in sight, in one query."""
        page = super().get_changelist_instance(request)
        counts = count_day([source.slug for source in page.result_list], day=timezone.now().date())
        for source in page.result_list:
            source.outcomes_today = counts.get(source.slug, [])
        return page

    @admin.display(description="Events today (UTC)")
    def today(self, source: Any) -> str:
        return ", ".join(f"{count:,} {outcome}" for outcome, count in source.outcomes_today) or "none"

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Imports go with their source, though nobody may delete them alone."""
        gone, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return gone, counts, lacking - {ImportRun._meta.verbose_name}, protected

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        save_source(obj)

    def delete_model(self, request: HttpRequest, obj: Source) -> None:
        remove_source(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        for source in queryset:
            remove_source(source)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        source = Source.objects.filter(pk=unquote(object_id)).first() if unquote(object_id).isdigit() else None
        if source is not None:
            extra_context = {
                **(extra_context or {}),
                "host": request.build_absolute_uri("/").rstrip("/"),
                "head": read_head(),
                "secret_keys": source.secret_keys.order_by("-created"),
                "now": timezone.now(),
                "outcomes": count_outcomes(source.slug, today=timezone.now().date(), days=SHOWN_DAYS),
                "days": SHOWN_DAYS,
            }
        return super().change_view(request, object_id, form_url, extra_context)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:id>/rotate/", wrap(self.show_rotate), name="ingestion_source_rotate"),
            path("<int:id>/secret-key/", wrap(self.show_secret_key), name="ingestion_source_secret_key"),
            path("<int:id>/revoke/<int:key>/", wrap(self.show_revoke), name="ingestion_source_revoke"),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_rotate(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """Asks, and with POST gives the source another write key."""
        source = self._find(request, id, "ingestion.change_source")
        if request.method != "POST":
            says = "Whatever uses the present write key is refused within a second, until it has the new one."
            return self._ask(request, source, "Rotate the write key", says)
        rotate_write_key(source)
        self.log_change(request, source, "Rotated the write key.")
        messages.success(request, f"{source} has a new write key: put it into the snippet and the SDKs.")
        return redirect("admin:ingestion_source_change", source.pk)

    @method_decorator([never_cache, require_http_methods(["GET", "HEAD", "POST"])])
    def show_secret_key(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """The form, and with POST a secret key, which this page alone ever shows."""
        source = self._find(request, id, "ingestion.add_secretkey")
        form = SecretKeyForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._show(request, "make_key", source, {"title": "Make a secret key", "form": form})
        row, key = create_secret_key(source, **form.cleaned_data)
        self.log_change(request, source, f"Made the secret key {row}: {', '.join(row.scopes)}.")
        return self._show(request, "secret_key", source, {"title": "Secret key", "key": key})

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_revoke(self, request: HttpRequest, id: int, key: int) -> HttpResponseBase:
        """Asks, and with POST ends a secret key."""
        source = self._find(request, id, "ingestion.change_secretkey")
        row = get_object_or_404(SecretKey, pk=key, source=source, revoked=None)
        if request.method != "POST":
            return self._ask(request, source, f"Revoke {row}", "Whoever uses it is refused within a second, for good.")
        revoke_secret_key(row, at=timezone.now())
        self.log_change(request, source, f"Revoked the secret key {row}.")
        messages.success(request, f"{row} is revoked.")
        return redirect("admin:ingestion_source_change", source.pk)

    def _find(self, request: HttpRequest, id: int, permission: str) -> Source:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return get_object_or_404(Source, pk=id)

    def _ask(self, request: HttpRequest, source: Source, title: str, says: str) -> HttpResponse:
        return self._show(request, "confirm", source, {"title": title, "says": says})

    def _show(self, request: HttpRequest, page: str, source: Source, more: dict[str, Any]) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "source": source}
        return TemplateResponse(request, f"admin/ingestion/source/{page}.html", {**common, **more})
