"""The event catalogue: operators choose what is remembered and what is refused, and the doors obey."""

from typing import Any

import pytest

from ingestion.ecommerce import INDEXED
from ingestion.models import EventProperty, EventType
from ingestion.queries import build_directory, newest_directory, to_json
from tests.admin.operators import sign_in, sign_in_owner

pytestmark = pytest.mark.django_db
TYPES = "/admin/ingestion/eventtype/"


def form(schema: str = "", *, rows: Any = (), stored: int = 0, **fields: str) -> dict[str, Any]:
    """The page's form; `rows` are (id or "", path, indexed)."""
    data = {"schema": schema, "properties-TOTAL_FORMS": len(rows), "properties-INITIAL_FORMS": stored, **fields}
    for number, (id, path, indexed) in enumerate(rows):
        data |= {f"properties-{number}-id": id, f"properties-{number}-path": path}
        if indexed:
            data[f"properties-{number}-indexed"] = "on"
    return data


def published() -> Any:
    newest = newest_directory()
    assert newest is not None
    assert newest[1] == to_json(build_directory())
    return newest[1]


def test_an_event_is_declared_before_it_is_seen() -> None:
    sign_in_owner().post(f"{TYPES}add/", form(name="Trial Started", rows=[("", "plan", True), ("", "seats", False)]))
    assert "plan" in published()["indexed"]["Trial Started"]
    assert "seats" not in published()["indexed"]["Trial Started"]


def test_what_is_remembered_is_chosen_and_the_rest_of_the_defaults_stays() -> None:
    viewed = EventType.objects.create(name="Product Viewed", volume=7)
    price = EventProperty.objects.create(event_type=viewed, path="price", types=["number"], indexed=True)
    colour = EventProperty.objects.create(event_type=viewed, path="colour", types=["string"], indexed=False)
    page = f"{TYPES}{viewed.pk}/change/"
    owner = sign_in_owner()
    assert ", ".join(path for path in INDEXED["Product Viewed"]) in owner.get(page).content.decode()
    rows = [(price.pk, "renamed", False), (colour.pk, "colour", True)]
    owner.post(page, form(rows=rows, stored=2, name="Another name"))
    indexed = published()["indexed"]["Product Viewed"]
    assert "colour" in indexed
    assert "price" not in indexed
    assert "category" in indexed
    assert set(EventProperty.objects.values_list("path", flat=True)) == {"price", "colour"}
    assert EventType.objects.get().name == "Product Viewed"


def test_a_schema_is_obeyed_from_then_on() -> None:
    viewed = EventType.objects.create(name="Product Viewed")
    page = f"{TYPES}{viewed.pk}/change/"
    schema = '{"strict": true, "required": ["product_id"]}'
    owner = sign_in_owner()
    owner.post(page, form(schema))
    assert published()["schemas"]["Product Viewed"] == {"strict": True, "required": ["product_id"]}
    assert "&quot;product_id&quot;" in owner.get(page).content.decode()
    owner.post(page, form(""))
    assert published()["schemas"] == {}
    assert "null</textarea>" not in owner.get(page).content.decode()


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ('{"required": "product_id"}', "Not a schema. The schema: “required” must be a list of property names."),
        ('{"patern": "x"}', "“patern” is not understood; use"),
        ('{"properties": {"price": {"type": "money"}}}', "properties.price: “type” must be one of string, number"),
        ('{"required": [}', "Not JSON: line 1, column 15"),
        ("[]", "Not a schema"),
    ],
)
def test_what_is_no_schema_is_refused_and_nothing_typed_is_lost(schema: str, says: str) -> None:
    viewed = EventType.objects.create(name="Product Viewed")
    answer = sign_in_owner().post(f"{TYPES}{viewed.pk}/change/", form(schema, rows=[("", "size", True)]))
    page = answer.content.decode()
    assert says.replace("'", "&#x27;") in page
    assert schema.replace('"', "&quot;") in page
    assert 'value="size"' in page
    assert not EventProperty.objects.exists()
    assert EventType.objects.get().schema is None


def test_a_path_with_too_many_dots_is_refused() -> None:
    page = sign_in_owner().post(f"{TYPES}add/", form(name="Odd", rows=[("", "a.b.c", True)])).content.decode()
    assert "list.field" in page
    assert not EventType.objects.exists()


def test_what_was_declared_by_mistake_can_be_removed_and_what_was_seen_cannot() -> None:
    owner = sign_in_owner()
    owner.post(f"{TYPES}add/", form(name="Trail Started", rows=[("", "plan", True)]))
    declared, seen = EventType.objects.get(), EventType.objects.create(name="Product Viewed", volume=3)
    assert owner.post(f"{TYPES}{seen.pk}/delete/", {"post": "yes"}).status_code == 403
    owner.post(f"{TYPES}{declared.pk}/delete/", {"post": "yes"})
    assert list(EventType.objects.all()) == [seen]
    assert "Trail Started" not in published()["indexed"]


def test_who_may_only_look_changes_nothing() -> None:
    viewed = EventType.objects.create(name="Product Viewed")
    viewer = sign_in("ingestion.view_eventtype", "ingestion.view_eventproperty")
    assert viewer.get(f"{TYPES}{viewed.pk}/change/").status_code == 200
    assert viewer.post(f"{TYPES}{viewed.pk}/change/", form('{"strict": true}')).status_code == 403
    assert EventType.objects.get().schema is None


def test_the_list_asks_no_more_for_more_events(django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        seen = EventType.objects.create(name=f"Event {number}", volume=number)
        EventProperty.objects.create(event_type=seen, path="price", indexed=True)
    owner = sign_in_owner()
    with django_assert_max_num_queries(6):
        page = owner.get(TYPES).content.decode()
    assert page.index("Event 29") < page.index("Event 28")
