"""The form of a draft, for pages that edit one: every problem said, and nobody's change overwritten unseen."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone

from rules.describe import kind_of
from rules.drafts import list_revisions
from rules.revisions import say_overtaken
from rules.validating import find_draft_problems, tidy_draft

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
