"""The pages of revisions of one definition: what each edit changed, and going back to any of them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from profiles.admin import ModelAdmin
from rules.comparing import compare_definitions
from rules.describe import KINDS, describe_draft
from rules.drafts import compare_revisions, list_revisions, restore_revision
from rules.models import Revision
from rules.revisions import MOST, list_edits, list_removed
from rules.validating import BadDraft


class RevisionPages(ModelAdmin):
    """Of a definition, also one that was removed: it is found by its slug."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("removed/", wrap(self.show_removed), name=f"{name}_removed"),
            path("revisions/<slug:slug>/", wrap(self.show_revisions), name=f"{name}_revisions"),
            path("revisions/<slug:slug>/<int:version>/", wrap(self.show_revision), name=f"{name}_revision"),
            *super().get_urls(),
        ]

    @property
    def kind(self) -> str:
        """The kind of definition that the pages are about."""
        return next(kind for kind, model in KINDS.items() if model is self.model)

    @method_decorator(require_http_methods(["GET", "HEAD"]))
    def show_revisions(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Every edit, the newest first."""
        self._require_viewer(request)
        revisions = list_revisions(self.kind, slug)
        draft = self._find_draft(slug)
        if draft is None and not revisions:
            raise Http404
        edits = list_edits(revisions[: MOST + 1])[:MOST]
        context = {"title": "Revisions", "edits": edits, "more": max(0, len(revisions) - MOST)}
        return self._show_about(request, "revisions", slug, draft, context)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_revision(self, request: HttpRequest, slug: str, version: int) -> HttpResponseBase:
        """What one edit changed, and how what is drafted now differs; with POST: the draft says that again."""
        self._require_viewer(request)
        found = Revision.objects.select_related("by").order_by("-pk")
        revision = found.filter(kind=self.kind, slug=slug, version=version).first()
        if revision is None:
            raise Http404
        draft = self._find_draft(slug)
        if request.method == "POST":
            return self._restore(request, revision, draft)
        before = found.filter(kind=self.kind, slug=slug, version__lt=version).order_by("-version", "-pk").first()
        now = None if draft is None else describe_draft(draft)
        context = {
            "title": f"Version {version}",
            "revision": revision,
            "before": before,
            "differences": compare_revisions(before, revision),
            "since": compare_definitions(self.kind, now, revision.definition),
            "may_restore": revision.definition is not None and self._may_restore(request, draft),
        }
        return self._show_about(request, "revision", slug, draft, context)

    def _restore(self, request: HttpRequest, revision: Revision, draft: Any) -> HttpResponseBase:
        if not self._may_restore(request, draft):
            raise PermissionDenied
        user = request.user if isinstance(request.user, User) else None
        try:
            restored = restore_revision(revision, by=user, at=timezone.now())
        except BadDraft as error:
            messages.error(request, "Nothing was restored:")
            for field, message in error.problems:
                messages.error(request, f"{field}: {message}" if field else message)
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_revisions", revision.slug)
        now = get_object_or_404(self.model, slug=revision.slug)
        if restored is None:
            messages.info(request, f"“{now}” says what it said in version {revision.version}.")
        else:
            self.log_change(request, now, f"Restored version {revision.version}.")
            messages.success(
                request,
                f"“{now}” says again what it said in version {revision.version}. Visitors see it once published.",
            )
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", now.pk)

    @method_decorator(require_http_methods(["GET", "HEAD"]))
    def show_removed(self, request: HttpRequest) -> HttpResponse:
        """What was removed, and can be restored."""
        self._require_viewer(request)
        return self._show_about(request, "removed", "", None, {"title": "Removed", "removed": list_removed(self.kind)})

    def _find_draft(self, slug: str) -> Any:
        return self.model._default_manager.filter(slug=slug).first()

    def _may_restore(self, request: HttpRequest, draft: Any) -> bool:
        """Bringing something back that was removed is making it."""
        return self.has_add_permission(request) if draft is None else self.has_change_permission(request, draft)

    def _require_viewer(self, request: HttpRequest) -> None:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied

    def _show_about(
        self, request: HttpRequest, page: str, slug: str, draft: Any, context: dict[str, Any]
    ) -> HttpResponse:
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "slug": slug,
            "draft": draft,
        }
        return TemplateResponse(request, f"admin/rules/{page}.html", {**common, **context})
