"""The demo shop's pages: a catalogue, one page per product, and the words for what the engine decides."""

from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import path
from django.views.decorators.http import require_safe

from ingestion.models import Source
from personalization import shop
from rules.definitions import BookPayload
from rules.models import Book
from segments.conditions.parse import parse_condition
from segments.conditions.words import say_condition

app_name = "demo"


@require_safe
def show_home(request: HttpRequest) -> HttpResponse:
    return _render(request, "home", products=list(shop.list_in_turns()), categories=shop.CATEGORIES)


@require_safe
def show_product(request: HttpRequest, product_id: str) -> HttpResponse:
    product = shop.BY_ID.get(product_id)
    if product is None:
        raise Http404(f"The shop has no product {product_id!r}.")
    return _render(request, "product", product=product, others=shop.products_like(product))


@require_safe
def show_how(request: HttpRequest) -> HttpResponse:
    return _render(request, "how")


def _render(request: HttpRequest, page: str, **more: object) -> HttpResponse:
    context: dict[str, object] = {
        "shop": shop.SHOP_NAME,
        "source": Source.objects.filter(slug=shop.SOURCE_SLUG).first(),
        "host": request.build_absolute_uri("/").rstrip("/"),
        "catalogue": [_describe(product) for product in shop.PRODUCTS],
        "meanings": explain_book(),
        **more,
    }
    return render(request, f"demo/{page}.html", context)


def _describe(product: shop.Product) -> dict[str, Any]:
    return {**product.properties(), "line": product.line, "picture": static(product.picture)}


def explain_book() -> dict[str, dict[str, dict[str, Any]]]:
    """What the slugs of the live Book's segments and rules mean: {"segments": {slug: {name, words}},
    "rules": {slug: {name, slot, segments}}}; a rule lists its segment when being in it is all it asks."""
    newest = Book.objects.order_by("-number").first()
    if newest is None:
        return {"segments": {}, "rules": {}}
    payload = msgspec.convert(newest.payload, BookPayload)
    return {
        "segments": {
            each.slug: {"name": each.name, "words": say_condition(parse_condition(each.condition))}
            for each in payload.segments
        },
        "rules": {
            each.slug: {"name": each.name, "slot": each.slot, "segments": _only_segment(each.condition)}
            for each in sorted(payload.rules, key=lambda rule: -rule.priority)
        },
    }


def _only_segment(condition: dict[str, Any] | None) -> list[str]:
    root = (condition or {}).get("root") or {}
    return [root["segment"]] if root.get("kind") == "segment" else []


urlpatterns = [
    path("", show_home, name="home"),
    path("p/<slug:product_id>/", show_product, name="product"),
    path("how-it-works/", show_how, name="how"),
]
