"""The front page: the demo shop where there is one, else the Studio."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from ingestion.models import Source
from personalization import shop


@require_safe
def show_front(request: HttpRequest) -> HttpResponse:
    has_shop = Source.objects.filter(slug=shop.SOURCE_SLUG).exists()
    return redirect("demo:home" if has_shop else "studio:overview")
