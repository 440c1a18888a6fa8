"""The operators' pages of uploaded lists: taking a file in, and saying what became of each."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from segments.admin_pages import SegmentPages, address_of
from segments.lists import NobodyIn, store_upload
from segments.models import Segment, Upload
from segments.standing import count_rows, find_standing, list_uploads, say_left_out, say_when
from segments.upload_lines import BadUpload

ADD, REPLACE = "add", "replace"


class UploadForm(forms.Form):
    file = forms.FileField(
        help_text="A CSV, or one id in each line; plain or packed with gzip, in UTF-8.",
        widget=forms.ClearableFileInput({"accept": ".csv,.txt,.tsv,.gz,text/csv,text/plain"}),
    )
    column = forms.CharField(
        required=False,
        max_length=255,
        help_text="The name of the column with the ids or, in a file without a header, its number. "
        "Columns called profile_id, user_id, anonymous_id or id are found by themselves.",
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
    )
    ids = forms.ChoiceField(
        required=False,
        label="Its ids are",
        choices=[("", "what the column is called"), *Upload.Ids.choices],
        help_text="Where its name does not say it, they are user ids.",
    )
    how = forms.ChoiceField(
        required=False,
        label="These people",
        choices=[
            (ADD, "come in beside those who are in the list"),
            (REPLACE, "take the place of those who are in the list"),
        ],
        initial=ADD,
        widget=forms.RadioSelect({"class": "radiolist"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        most = settings.PZ_MAX_LIST_BYTES
        if file.size > most:
            raise forms.ValidationError(
                f"The file has {file.size:,} bytes, and {most:,} are taken; pack it with gzip, or upload it in parts."
            )
        return file


class ListPages(SegmentPages):
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("<int:id>/upload/", wrap(self.show_upload), name="segments_upload"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_upload(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """The form and, with POST: the people of the file are in the list, or what is wrong with the file is said."""
        segment = self.find_segment(request, id, "change_segment")
        if segment.kind != Segment.Kind.LIST:
            messages.error(request, f"{segment} is no list, so that nobody can be put into it by a file.")
            return redirect(address_of(segment))
        form = UploadForm(request.POST or None, request.FILES or None, initial={"how": ADD})
        problems: Any = []
        if request.method == "POST" and form.is_valid():
            try:
                upload = self._store(request, segment, form.cleaned_data)
            except BadUpload as error:
                form.add_error("file", str(error))
                problems = error.problems if isinstance(error, NobodyIn) else []
            else:
                say_upload(request, upload)
                return redirect(f"{address_of(segment)}#uploads")
        context = {
            "title": "Upload ids",
            "form": form,
            "problems": problems,
            "standing": find_standing(segment) if segment.uploads.exists() else None,
            "most": settings.PZ_MAX_LIST_BYTES,
        }
        return self.show_page(request, "upload", segment, context)

    def _store(self, request: HttpRequest, segment: Segment, said: dict[str, Any]) -> Upload:
        upload = store_upload(
            segment,
            said["file"],
            name=said["file"].name,
            column=said["column"],
            ids=said["ids"],
            replaces=said["how"] == REPLACE,
            most=settings.PZ_MAX_LIST_BYTES,
            by=request.user if isinstance(request.user, User) else None,
            at=timezone.now(),
        )
        self.log_change(request, segment, f"Uploaded {upload.file}: {upload.added:,} people came in.")
        return upload

    def describe_list(self, segment: Segment) -> dict[str, Any]:
        """What the page of a list shows of it."""
        return {"uploads": list_uploads(segment)} if segment.kind == Segment.Kind.LIST else {}


def say_upload(request: HttpRequest, upload: Upload) -> None:
    """What became of the rows, and when the people are in."""
    messages.success(request, f"From {upload.file}: {count_rows(upload)}. {say_when(upload)}")
    if upload.refused:
        messages.warning(request, f"{say_left_out(upload)}; below is why.")
