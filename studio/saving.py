"""Saving a draft from its form, and removing one: told alike for every kind."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from rules.describe import AnyDraft, kind_of
from rules.drafts import InUse, Overtaken, list_revisions, remove_draft, save_draft
from rules.revisions import say_overtaken
from rules.validating import BadDraft
from studio.forms import StudioDraftForm
from studio.pages import find_by


def save_form(request: HttpRequest, form: StudioDraftForm, *, made: Any = "") -> bool:
    """Whether it is saved, and it is said so; else the form says why not. `made` is said of a new one, with its
    `%(name)s`."""
    if not form.is_valid():
        return False
    draft, is_new = form.instance, form.instance.pk is None
    seen = 0 if is_new else form.cleaned_data.get("seen_version")
    try:
        revision = save_draft(draft, by=find_by(request), at=timezone.now(), expected=seen)
    except Overtaken as error:
        since = [each for each in list_revisions(kind_of(draft), draft.slug) if each.version > (seen or 0)]
        form.add_error(None, say_overtaken(since) if error.current else gettext("It was removed meanwhile."))
        return False
    except BadDraft as error:
        for field, message in error.problems:
            form.add_error(field if field in form.fields else None, message)
        return False
    if revision is None:
        messages.info(request, gettext("There was nothing to save: it says what it said."))
    elif is_new:
        said = made or gettext("“%(name)s” is saved as a draft. Visitors see it once it is published.")
        messages.success(request, said % {"name": draft.name})
    else:
        said = gettext("Saved as draft v%(version)s. Visitors meet it once it is published.")
        messages.success(request, said % {"version": draft.version})
    return True


def try_to_remove(request: HttpRequest, draft: AnyDraft) -> bool:
    """Whether it is removed; else it is said why not."""
    try:
        remove_draft(draft, by=find_by(request), at=timezone.now(), expected=read_seen(request))
    except (InUse, Overtaken) as error:
        messages.error(request, gettext("Nothing was removed: %(why)s.") % {"why": error})
        return False
    return True


def read_seen(request: HttpRequest) -> int | None:
    """The version that somebody looked at; None where it is not sent."""
    seen = request.POST.get("seen_version", "")
    return int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None
