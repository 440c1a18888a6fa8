"""The addresses of one kind of definition: list, one, its revisions, how two of them differ, and going back."""

from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.errors import CallRefused
from personalization.paging import read_number, read_text, take_page
from personalization.rest.definition_forms import DiffSerializer, RevisionSerializer
from personalization.rest.definitions import (
    Kind,
    change,
    create,
    describe,
    describe_revision,
    find_draft,
    find_revision,
    form_of,
    read_version,
    remove,
    replace,
    restore,
)
from personalization.rest.etags import answer_tagged, tag_version
from personalization.rest.fields import OF_PAGE, page_of
from personalization.rest.idempotency import once
from personalization.rest.pagination import answer_page, read_cursor, read_limit
from personalization.rest.resource import Resource
from personalization.rest.schema import operation
from rules.drafts import compare_revisions
from rules.models import Revision

NOTE = OpenApiParameter("note", str, description="What stays beside the revision; else whose key it was.")
PUBLISHED = "Visitors meet it once a Book is published with it."


def list_addresses(kind: Kind) -> list[URLPattern]:
    """The addresses of a kind, with the views behind them."""
    base, one = kind.plural, f"{kind.plural}/<slug:slug>"
    past = f"{one}/revisions"
    return [
        path(base, make_list(kind).as_view()),
        path(one, make_single(kind).as_view()),
        path(past, make_past(kind).as_view()),
        path(f"{past}/<int:version>", make_revision(kind).as_view()),
        path(f"{past}/<int:version>/restore", make_restore(kind).as_view()),
        path(f"{one}/diff", make_diff(kind).as_view()),
    ]


def make_list(kind: Kind) -> type[Resource]:
    noun, named = kind.name, kind.name.capitalize()

    class Definitions(Resource):
        tag = kind.tag

        @operation(
            f"list{named}s",
            f"List the {kind.plural}, by their slugs",
            answer=page_of(kind.form),
            parameters=[*OF_PAGE, *(OpenApiParameter(name, str) for name in kind.filters)],
        )
        def get(self, request: Request) -> Response:
            drafts = kind.model._default_manager.select_related(*kind.related)
            for name, field in dict(kind.filters).items():
                if name in request.query_params:
                    drafts = drafts.filter(**{field: read_parameter(request, name)})
            cursor, limit = read_cursor(request, read_text), read_limit(request)
            page: Any = take_page(drafts, order=("slug",), after=cursor, limit=limit)
            return answer_page(request, describe(kind, page.rows), page.after)

        @operation(
            f"create{named}",
            f"Make a {noun}",
            description=PUBLISHED,
            request=form_of(kind),
            answer=kind.form,
            status=201,
            codes=("exists_already",),
            parameters=[NOTE],
        )
        @once
        def post(self, request: Request) -> Response:
            draft = create(kind, request)
            answer = answer_draft(kind, draft, request, status=201)
            answer.headers["Location"] = request.build_absolute_uri(f"{request.path}/{draft.slug}")
            return answer

    return Definitions


def make_single(kind: Kind) -> type[Resource]:
    noun, named = kind.name, kind.name.capitalize()

    class Definition(Resource):
        tag = kind.tag

        @operation(f"get{named}", f"Read one {noun}", answer=kind.form, tagged=True)
        def get(self, request: Request, slug: str) -> Response:
            return answer_draft(kind, find_draft(kind, slug), request)

        @operation(
            f"replace{named}",
            f"Write the {noun} anew",
            description=f"What is left out is as in a new one. {PUBLISHED}",
            request=kind.body,
            answer=kind.form,
            tagged=True,
            parameters=[NOTE],
        )
        def put(self, request: Request, slug: str) -> Response:
            return answer_draft(kind, replace(kind, slug, request), request)

        @operation(
            f"change{named}",
            f"Change some of the {noun}",
            description=f"What is left out stays as it is. {PUBLISHED}",
            request=kind.body,
            answer=kind.form,
            tagged=True,
            parameters=[NOTE],
        )
        def patch(self, request: Request, slug: str) -> Response:
            return answer_draft(kind, change(kind, slug, request), request)

        @operation(
            f"remove{named}",
            f"Remove the {noun}",
            description="Its revisions stay, and it can be restored. What is published stays until the next Book.",
            status=204,
            tagged=True,
            codes=("in_use",),
            parameters=[NOTE],
        )
        def delete(self, request: Request, slug: str) -> Response:
            remove(kind, slug, request)
            return Response(status=204)

    return Definition


def make_past(kind: Kind) -> type[Resource]:
    class Revisions(Resource):
        tag = kind.tag

        @operation(
            f"list{kind.name.capitalize()}Revisions",
            f"List what the {kind.name} said over time, the newest first",
            answer=page_of(RevisionSerializer),
            parameters=OF_PAGE,
        )
        def get(self, request: Request, slug: str) -> Response:
            revisions = Revision.objects.filter(kind=kind.name, slug=slug).select_related("by").defer("definition")
            cursor = read_cursor(request, read_number)
            page = take_page(revisions, order=("-version",), after=cursor, limit=read_limit(request))
            if cursor is None and not page.rows:
                find_draft(kind, slug)  # one that was never edited here has none
            return answer_page(request, [describe_revision(each) for each in page.rows], page.after)

    return Revisions


def make_revision(kind: Kind) -> type[Resource]:
    class OneRevision(Resource):
        tag = kind.tag

        @operation(
            f"get{kind.name.capitalize()}Revision",
            f"Read what the {kind.name} said then",
            answer=RevisionSerializer,
        )
        def get(self, request: Request, slug: str, version: int) -> Response:
            return Response(describe_revision(find_revision(kind, slug, version), whole=True))

    return OneRevision


def make_restore(kind: Kind) -> type[Resource]:
    class Restore(Resource):
        tag = kind.tag

        @operation(
            f"restore{kind.name.capitalize()}",
            f"Go back to what the {kind.name} said then",
            description=f"As a new revision, also of one that was removed. {PUBLISHED}",
            answer=kind.form,
        )
        @once
        def post(self, request: Request, slug: str, version: int) -> Response:
            draft = restore(kind, find_revision(kind, slug, version), request)
            return answer_draft(kind, draft, request)

    return Restore


def make_diff(kind: Kind) -> type[Resource]:
    class Diff(Resource):
        tag = kind.tag

        @operation(
            f"diff{kind.name.capitalize()}",
            f"Compare two revisions of the {kind.name}, in words",
            answer=DiffSerializer,
            parameters=[
                OpenApiParameter("before", int, description="A version; the one before the other if absent."),
                OpenApiParameter("after", int, description="A version; the newest if absent."),
            ],
            codes=("bad_parameter",),
        )
        def get(self, request: Request, slug: str) -> Response:
            before, after = find_pair(kind, slug, request)
            return Response(
                {
                    "before": None if before is None else before.version,
                    "after": None if after is None else after.version,
                    "differences": [
                        {
                            "field": each.field,
                            "before": each.before,
                            "after": each.after,
                            "lines": [{"mark": line.mark, "text": line.text} for line in each.lines],
                        }
                        for each in compare_revisions(before, after)
                    ],
                }
            )

    return Diff


def find_pair(kind: Kind, slug: str, request: Request) -> tuple[Revision | None, Revision | None]:
    """The two revisions that are compared."""
    said = request.query_params
    revisions = Revision.objects.filter(kind=kind.name, slug=slug).order_by("-version")
    if "after" in said:
        after: Revision | None = find_revision(kind, slug, read_version(said["after"], "after"))
    else:
        after = revisions.first()
    if after is None:
        find_draft(kind, slug)
        return None, None  # never edited here
    if "before" in said:
        return find_revision(kind, slug, read_version(said["before"], "before")), after
    return revisions.filter(version__lt=after.version).first(), after


def answer_draft(kind: Kind, draft: Any, request: Request, status: int = 200) -> Response:
    [said] = describe(kind, [draft])
    return answer_tagged(request, said, tag_version(draft.version), status)


def read_parameter(request: Request, name: str) -> str:
    said = request.query_params[name]
    if "\0" in said:
        raise CallRefused("bad_parameter", f"{name} has the character NUL")
    return said
