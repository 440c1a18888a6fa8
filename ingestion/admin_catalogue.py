"""The operators' pages of the event catalogue: what comes in, what is remembered of it, what it must look like."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from ingestion.actions import choose_properties, remove_event_type, save_event_type
from ingestion.models import EventProperty, EventType
from ingestion.queries import list_indexed
from ingestion.schema_review import find_schema_problem
from profiles.admin import ModelAdmin
from segments.forms import DocumentField, SourceText

EXAMPLE = '{"strict": true, "required": ["product_id"], "properties": {"price": {"type": "number", "minimum": 0}}}'

if TYPE_CHECKING:
    EventTypeModelForm = forms.ModelForm[EventType]
    PropertyModelForm = forms.ModelForm[EventProperty]
    PropertyInline = admin.TabularInline[EventProperty, EventType]
else:  # Django's own classes take no parameter
    EventTypeModelForm = PropertyModelForm = forms.ModelForm
    PropertyInline = admin.TabularInline


class SchemaField(DocumentField):
    """A schema of the catalogue."""

    def check(self, document: Any) -> None:
        if problem := find_schema_problem(document):
            raise forms.ValidationError(f"Not a schema. {problem}", code="invalid")


class EventTypeForm(EventTypeModelForm):
    schema = SchemaField(
        required=False,
        widget=SourceText(12),
        help_text=f"What its properties must look like. With “strict” events that do not fit are refused. {EXAMPLE}",
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if "\0" in name:
            raise forms.ValidationError("The character NUL cannot be stored; remove it.")
        return name


class PropertyForm(PropertyModelForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["path"].disabled = self.instance.pk is not None  # it is the name under which it is sent

    def clean_path(self) -> str:
        path = str(self.cleaned_data["path"])
        if path.count(".") > 1:
            raise forms.ValidationError("Write a property, or list.field for the values of a field over a list.")
        return path


class Properties(PropertyInline):
    """The properties that were seen, or that somebody wants remembered before they are."""

    model = EventProperty
    form = PropertyForm
    fields = ("path", "indexed", "seen_as", "last_seen")
    readonly_fields = ("seen_as", "last_seen")
    ordering = ("-indexed", "path")
    extra = 0
    can_delete = False

    @admin.display(description="Seen as")
    def seen_as(self, seen: EventProperty) -> str:
        return ", ".join(seen.types) or "not seen yet"


class EventTypeAdmin(ModelAdmin):
    form = EventTypeForm
    inlines = (Properties,)
    list_display = ("name", "volume", "first_seen", "last_seen", "remembered", "checked")
    search_fields = ("name",)
    ordering = ("-volume", "name")
    list_per_page = 50
    show_full_result_count = False
    fields = ("name", "volume", "first_seen", "last_seen", "indexed", "schema")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventType]:
        types: QuerySet[EventType] = super().get_queryset(request)
        return types.annotate(indexed_count=Count("properties", filter=Q(properties__indexed=True)))

    def get_readonly_fields(self, request: HttpRequest, obj: EventType | None = None) -> tuple[str, ...]:
        seen = ("volume", "first_seen", "last_seen", "indexed")
        return seen if obj is None else ("name", *seen)

    def has_delete_permission(self, request: HttpRequest, obj: EventType | None = None) -> bool:
        """Only what was declared and never came: the next event would bring it back without what was chosen for it."""
        return obj is not None and obj.volume == 0 and super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: EventType) -> None:
        remove_event_type(obj)

    def save_model(self, request: HttpRequest, obj: EventType, form: Any, change: bool) -> None:
        save_event_type(obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        choose_properties(formset.save(commit=False))

    @admin.display(description="Properties remembered", ordering="indexed_count")
    def remembered(self, event_type: Any) -> int:
        return int(event_type.indexed_count)

    @admin.display(description="Strict", boolean=True)
    def checked(self, event_type: EventType) -> bool:
        return bool(event_type.schema and event_type.schema.get("strict"))

    @admin.display(description="Remembered in profiles")
    def indexed(self, event_type: EventType) -> str:
        """With the defaults of well-known events, which need no row of their own."""
        return ", ".join(list_indexed(event_type.name)) if event_type.pk else "-"
