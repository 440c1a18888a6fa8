"""What the pages of all drafts do alike: each edit is a revision, and nobody overwrites what somebody else changed."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from rules.admin_revisions import RevisionPages
from rules.describe import AnyDraft
from rules.drafts import InUse, Overtaken, remove_draft, save_draft
from rules.validating import BadDraft
from segments.admin import DraftAdmin


class RevisedAdmin(RevisionPages, DraftAdmin):
    """Pages of drafts whose edits are kept. Their forms are DraftForms."""

    def save_model(self, request: HttpRequest, obj: AnyDraft, form: Any, change: bool) -> None:
        seen = form.cleaned_data.get("seen_version") if change and form is not None else None
        save_draft(obj, by=find_user(request), at=timezone.now(), expected=seen)

    def delete_model(self, request: HttpRequest, obj: AnyDraft) -> None:
        remove_draft(obj, by=find_user(request), at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        # Recommendations go before the blocks in their place.
        for draft in sorted(queryset, key=lambda draft: getattr(draft, "fallback_id", None) is None):
            self.delete_model(request, draft)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (Overtaken, BadDraft):  # somebody was faster since the form looked: it looks again, and says so
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except (InUse, Overtaken) as error:  # since the page looked
            messages.error(request, f"Nothing was removed: {error}.")
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


def find_user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
