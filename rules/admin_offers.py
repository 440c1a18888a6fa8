"""The operators' pages of offers: codes left, in the pool and granted; bringing codes in and withdrawing them; grants,
and the ledger of a person's points."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from profiles.admin import PeopleAdmin, link_profile
from profiles.queries import find_profiles
from rules.admin_drafts import RevisedAdmin
from rules.codes import (
    MOST_GENERATED,
    SHORTEST,
    NobodyGetsOne,
    NoCodes,
    Uploaded,
    find_generating_fault,
    generate_codes,
    upload_codes,
    withdraw_codes,
)
from rules.draft_forms import DraftForm
from rules.ledger import list_profiles, sum_points
from rules.models import Grant, Offer, OfferCode, PointsEntry
from rules.pools import find_code_offers
from rules.stock import NOTHING, count_stock
from segments.upload_lines import BadUpload

CHANGE = "rules.change_offer"
SHOWN_PEOPLE = 5


class OfferForm(DraftForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        kind = cleaned.get("kind") or self.instance.kind
        if kind == Offer.Kind.POINTS and not cleaned.get("points"):
            self.add_error("points", "How many points does a person get?")
        if kind != Offer.Kind.POINTS:
            cleaned["points"] = 0
        return cleaned


class CodesForm(forms.Form):
    file = forms.FileField(
        help_text="One code in each line, or a CSV with a column called code; plain or packed with gzip, in UTF-8.",
        widget=forms.ClearableFileInput({"accept": ".csv,.txt,.tsv,.gz,text/csv,text/plain"}),
    )
    column = forms.CharField(
        required=False,
        max_length=255,
        help_text="The name of the column with the codes or, in a file without a header, its number.",
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
    )

    def clean_file(self) -> Any:
        file, most = self.cleaned_data["file"], settings.PZ_MAX_LIST_BYTES
        if file.size > most:
            raise forms.ValidationError(
                f"The file has {file.size:,} bytes, and {most:,} are taken; pack it with gzip, or upload it in parts."
            )
        return file


class GenerateForm(forms.Form):
    count = forms.IntegerField(label="How many", min_value=1, max_value=MOST_GENERATED, initial=1_000)
    beginning = forms.CharField(
        required=False,
        max_length=40,
        strip=False,
        help_text="Of all of them, such as SUMMER-.",
        widget=forms.TextInput({"class": "vTextField", "autocomplete": "off"}),
    )
    length = forms.IntegerField(
        label="Characters after it",
        min_value=SHORTEST,
        initial=10,
        help_text="Nobody can foresee them, and none is taken for another one: no 0 and O, no 1, I and L.",
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            fault = find_generating_fault(cleaned["count"], cleaned["beginning"], cleaned["length"])
            if fault is not None:
                raise forms.ValidationError(fault)
        return cleaned


class OfferAdmin(RevisedAdmin):
    form = OfferForm
    change_form_template = "admin/rules/offer/change_form.html"
    list_display = ("name", "slug", "kind", "left", "pool", "granted", "updated")
    list_filter = ("kind",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "kind", "points", "every", "left", "pool", "granted", "updated")
    readonly_fields = ("left", "pool", "granted", "updated")

    def get_fields(self, request: HttpRequest, obj: Offer | None = None) -> Any:
        if obj is None:
            return ["name", "slug", "kind", "points", "every"]
        return [name for name in self.fields if name != "points" or obj.kind == Offer.Kind.POINTS]

    def get_readonly_fields(self, request: HttpRequest, obj: Offer | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else ["kind", *fields]  # what was granted of it stays what it was

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """With the stock of the page's offers, asked once for all of them."""
        changelist = super().get_changelist_instance(request)
        changelist.result_list = take_stock(changelist.result_list)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Offer | None:
        offer: Offer | None = super().get_object(request, object_id, from_field)
        return None if offer is None else take_stock([offer])[0]

    @admin.display(description="Codes left")
    def left(self, offer: Any) -> str:
        return f"{offer.stock.left:,}" if offer.kind == Offer.Kind.CODE else "-"

    @admin.display(description="In the pool")
    def pool(self, offer: Any) -> str:
        return f"{offer.stock.pool:,}" if offer.kind == Offer.Kind.CODE else "-"

    @admin.display(description="Granted")
    def granted(self, offer: Any) -> str:
        if not offer.stock.granted:
            return "0"
        return format_html(
            '<a href="{}?offer={}">{}</a>',
            reverse("admin:rules_grant_changelist"),
            offer.slug,
            f"{offer.stock.granted:,}",
        )

    def get_deleted_objects(
        self, objs: QuerySet[Any] | Sequence[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Says how many codes go with an offer, without listing them; refuses what people may be granted of."""
        offers = list(objs)
        codes = OfferCode.objects.filter(offer__in=offers)
        live = find_code_offers()
        used = [f"the rule {rule}" for offer in offers for rule in offer.rules.all()[:SHOWN_PEOPLE]]
        granting = [
            f"{offer}: the Book in force grants it; publish without it first" for offer in offers if offer.slug in live
        ]
        handed = codes.exclude(handed=None).filter(granted=None).values_list("offer__name", flat=True).distinct()
        out = [f"{name}: some of its codes are in the pool; withdraw them first" for name in handed]
        lacks = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        counts = {"offers": len(offers), "codes": codes.count()}
        return [str(offer) for offer in offers], counts, lacks, [*used, *granting, *out]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:id>/upload/", wrap(self.show_upload), name="rules_offer_upload"),
            path("<int:id>/generate/", wrap(self.show_generate), name="rules_offer_generate"),
            path("<int:id>/withdraw/", wrap(self.show_withdraw), name="rules_offer_withdraw"),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_upload(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """The form and, with POST: the codes of the file are the offer's, and what was left out is said."""
        offer = _find(request, id)
        form = CodesForm(request.POST or None, request.FILES or None)
        problems: Any = []
        if request.method == "POST" and form.is_valid():
            try:
                uploaded = upload_codes(
                    offer,
                    form.cleaned_data["file"],
                    column=form.cleaned_data["column"],
                    most=settings.PZ_MAX_LIST_BYTES,
                    by=_user(request),
                    at=timezone.now(),
                )
            except (BadUpload, NoCodes) as error:
                form.add_error("file", str(error))
                problems = error.problems if isinstance(error, NobodyGetsOne) else []
            else:
                messages.success(request, say_uploaded(uploaded))
                if not uploaded.problems:
                    return redirect("admin:rules_offer_change", offer.pk)
                form, problems = CodesForm(), uploaded.problems
        context = {"title": "Upload codes", "form": form, "problems": problems, "most": settings.PZ_MAX_LIST_BYTES}
        return self._show(request, "upload", offer, context)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_generate(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """The form and, with POST: so many new codes are the offer's."""
        offer = _find(request, id)
        form = GenerateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            try:
                added = generate_codes(
                    offer,
                    count=said["count"],
                    prefix=said["beginning"],
                    length=said["length"],
                    by=_user(request),
                    at=timezone.now(),
                )
            except NoCodes as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, f"{count_codes(added)} generated.")
                return redirect("admin:rules_offer_change", offer.pk)
        return self._show(request, "generate", offer, {"title": "Generate codes", "form": form})

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_withdraw(self, request: HttpRequest, id: int) -> HttpResponseBase:
        """Asks whether it is meant, and with POST: the codes that nobody was granted are no more."""
        offer = _find(request, id)
        if request.method == "POST":
            withdrawn = withdraw_codes(offer, by=_user(request), at=timezone.now())
            messages.success(
                request, f"{count_codes(withdrawn)} withdrawn. Those in the pool leave it within a second."
            )
            return redirect("admin:rules_offer_change", offer.pk)
        context = {"title": "Withdraw codes", "stock": count_stock([offer])[offer.slug]}
        return self._show(request, "withdraw", offer, context)

    def _show(self, request: HttpRequest, page: str, offer: Offer, context: dict[str, Any]) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "offer": offer}
        return TemplateResponse(request, f"admin/rules/offer/{page}.html", {**common, **context})


class GrantAdmin(PeopleAdmin):
    """What people were granted, the newest first."""

    list_display = ("at", "offer", "person", "code", "points", "period")
    list_display_links = ("at",)
    search_fields = ("profile_id",)
    ordering = ("-id",)
    fields = ("at", "offer", "person", "code", "points", "period", "decision_id")

    def match(self, term: str) -> Q:
        return Q(profile_id__in=find_people(term))

    @admin.display(description="Person")
    def person(self, grant: Grant) -> str:
        return link_profile(grant.profile_id)


class PointsEntryAdmin(PeopleAdmin):
    """The ledger of points: of everybody, or of whoever is searched for, with the balance."""

    list_display = ("at", "person", "points", "offer", "note", "key")
    list_display_links = ("at",)
    search_fields = ("profile_id",)
    ordering = ("-id",)
    fields = ("at", "person", "points", "offer", "note", "key")

    def match(self, term: str) -> Q:
        return Q(profile_id__in=find_people(term))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        term = request.GET.get("q", "").strip()
        subtitle = say_balances(term) if term else None
        return super().changelist_view(request, {**(extra_context or {}), "subtitle": subtitle})

    @admin.display(description="Person")
    def person(self, entry: PointsEntry) -> str:
        return link_profile(entry.profile_id)


def find_people(term: str) -> set[UUID]:
    """Every profile of whom a term stands for."""
    return {id for found in find_profiles(term) for id in list_profiles(found)}


def say_balances(term: str) -> str:
    """The balance of whoever a term stands for: mostly one person."""
    people = {tuple(list_profiles(id)) for id in find_profiles(term)}
    found = [person for person in sorted(people) if PointsEntry.objects.filter(profile_id__in=person).exists()]
    return "; ".join(f"Balance: {sum_points(person):,} points" for person in found[:SHOWN_PEOPLE]) or "No points"


def take_stock(offers: Iterable[Any]) -> list[Any]:
    """The offers, each with its `stock`."""
    found = list(offers)
    stock = count_stock(found)
    for offer in found:
        offer.stock = stock.get(offer.slug, NOTHING)
    return found


def count_codes(count: int) -> str:
    return ngettext("%s code", "%s codes", count) % f"{count:,}"


def say_uploaded(uploaded: Uploaded) -> str:
    """What the lines of a file came to, in words."""
    said = [f"{count_codes(uploaded.added)} came in"]
    if uploaded.duplicates:
        lines = ngettext(
            "%s line has a code that is not new", "%s lines have a code that is not new", uploaded.duplicates
        )
        said.append(lines % f"{uploaded.duplicates:,}")
    if uploaded.refused:
        lines = ngettext("%s line was left out", "%s lines were left out", uploaded.refused)
        said.append(lines % f"{uploaded.refused:,}")
    return f"{', '.join(said)}."


def _find(request: HttpRequest, id: int) -> Offer:
    """Raises PermissionDenied and Http404."""
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    return get_object_or_404(Offer, pk=id, kind=Offer.Kind.CODE)


def _user(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


admin.site.register(Offer, OfferAdmin)
admin.site.register(Grant, GrantAdmin)
admin.site.register(PointsEntry, PointsEntryAdmin)
