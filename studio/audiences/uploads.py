"""The pages of uploaded lists: taking a file in, what became of each, what was left out, and taking one back."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from profiles.writing import write_number
from segments.exporting import guard, write_rows
from segments.lists import NobodyIn, store_upload
from segments.models import Segment, Upload
from segments.standing import count_rows, find_standing, list_uploads, say_left_out, say_when
from segments.undoing import CannotUndo, find_undoable, undo_upload
from segments.upload_lines import BadUpload
from studio.audiences.finding import ask, find_segment, show_about
from studio.audiences.forms import REPLACE, UploadForm
from studio.masking import mask
from studio.pages import StudioRequest, find_by, needs, show
from studio.roles import Ability
from studio.uploads import leave_for


def find_list(slug: str) -> Segment:
    segment = find_segment(slug)
    if segment.kind != Segment.Kind.LIST:
        raise Http404
    return segment


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_upload(request: StudioRequest, slug: str) -> HttpResponse:
    """The form; with POST: the people of the file are in the list, or what is wrong with the file is said."""
    segment = find_list(slug)
    form = UploadForm(request.POST or None, request.FILES or None)
    problems: Any = []
    if request.method == "POST" and form.is_valid():
        try:
            upload = _store(request, segment, form.cleaned_data)
        except BadUpload as error:
            form.add_error("file", str(error))
            problems = error.problems if isinstance(error, NobodyIn) else []
        else:
            said = gettext("From %(file)s: %(rows)s. %(when)s")
            places = {"file": upload.file, "rows": count_rows(upload), "when": say_when(upload)}
            messages.success(request, said % places)
            if upload.refused:
                messages.warning(request, gettext("%(rows)s; see why below.") % {"rows": say_left_out(upload)})
            return leave_for(request, "studio:audience", slug, part="uploads")
    context = {
        "title": _("Upload people"),
        "form": form,
        "problems": _mask(problems, request),
        "standing": find_standing(segment) if segment.uploads.exists() else None,
        "most": settings.PZ_MAX_LIST_BYTES,
    }
    return show_about(request, "upload", segment, context, status=422 if form.errors else 200)


def _store(request: HttpRequest, segment: Segment, said: dict[str, Any]) -> Upload:
    return store_upload(
        segment,
        said["file"],
        name=said["file"].name,
        column=said["column"],
        ids=said["ids"],
        replaces=said["how"] == REPLACE,
        most=settings.PZ_MAX_LIST_BYTES,
        by=find_by(request),
        at=timezone.now(),
    )


def _mask(problems: Any, request: StudioRequest) -> list[dict[str, Any]]:
    """Bad rows as they are shown: what they said may be somebody's id."""
    rows = [each._asdict() if hasattr(each, "_asdict") else dict(each) for each in problems]
    if request.visitor.sees_personal_data:
        return rows
    return [{**row, "said": mask(str(row.get("said", "")))} for row in rows]


@needs(Ability.LOOK)
def show_uploads(request: StudioRequest, slug: str) -> HttpResponse:
    """The part of a list's page that says what became of its uploads; it asks again while people are put in."""
    segment = find_list(slug)
    uploaded = list_uploads(segment)
    context = {
        "segment": segment,
        "uploads": [(each, _mask(each.upload.problems, request)) for each in uploaded],
        "standing": find_standing(segment),
        "undoable": find_undoable(segment),
        "is_moving": any(each.progress for each in uploaded),
    }
    return show(request, "studio/audiences/uploads.html", context)


@needs(Ability.PERSONAL)
def show_refused(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The rows that were left out of a file, with the reasons, as CSV."""
    upload = get_object_or_404(Upload, pk=number, segment__slug=slug)
    rows = [(str(each["line"]), guard(str(each["said"])), str(each["why"])) for each in upload.problems]
    text = write_rows([("line", "said", "left_out_because"), *rows])
    headers = {"Content-Disposition": f'attachment; filename="{slug}-left-out.csv"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@needs(Ability.EDIT, methods=("GET", "HEAD", "POST"))
def show_undo(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """With POST: the list has the people of before the upload."""
    upload = get_object_or_404(Upload.objects.select_related("segment", "version"), pk=number, segment__slug=slug)
    if request.method != "POST":
        says = _("The list gets the people back that it had before %(file)s.") % {"file": upload.file}
        return ask(request, upload.segment, _("Undo the upload"), says, _("Undo"))
    try:
        undone = undo_upload(upload, by=find_by(request), at=timezone.now())
    except CannotUndo as error:
        messages.error(request, str(error))
    else:
        said = gettext("%(file)s is undone: the list has the people of before, %(people)s in all. %(when)s")
        places = {"file": upload.file, "people": write_number(undone.added), "when": say_when(undone)}
        messages.success(request, said % places)
    return leave_for(request, "studio:audience", slug, part="uploads")
