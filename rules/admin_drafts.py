"""What the pages of all drafts do alike: each edit is a revision, and nobody overwrites what somebody else changed."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from rules.admin_revisions import RevisionPages
from rules.describe import AnyDraft, kind_of
from rules.drafts import InUse, Overtaken, list_revisions, remove_draft, save_draft
from rules.revisions import say_overtaken
from rules.validating import BadDraft, find_draft_problems, tidy_draft
from segments.admin import DraftAdmin

if TYPE_CHECKING:
    AnyModelForm = forms.ModelForm[Any]
else:  # Django's own class takes no parameter
    AnyModelForm = forms.ModelForm


class DraftForm(AnyModelForm):
    """Says everything that speaks against a draft, and that somebody else has changed it since the form was opened."""

    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen_version"].initial = self.instance.version

    def _post_clean(self) -> None:
        seen, version = self.cleaned_data.get("seen_version"), self.instance.version
        if seen is not None and seen != version:
            revisions = list_revisions(kind_of(self.instance), self.instance.slug)
            self.add_error(None, say_overtaken([each for each in revisions if each.version > seen]))
            return
        super()._post_clean()  # type: ignore[misc]  # where a model form fills its draft
        tidy_draft(self.instance)
        said = set(self.errors)
        for field, message in find_draft_problems(self.instance, at=timezone.now()):
            if field not in said:
                self.add_error(field if field in self.fields else None, message)


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
