"""The operators' pages of back-tests: the draft is tried on past decisions, with progress, and can be called off."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST

from personalization.backtesting import TooManyBackTests, cancel_back_test, start_back_test
from profiles.admin import LookAdmin
from rules.actions import CannotPublish
from rules.models import BackTest

TRY = "rules.add_backtest"


class DaysForm(forms.Form):
    days = forms.IntegerField(
        min_value=1, max_value=90, initial=7, help_text="The decisions of so many days are asked."
    )


class BackTestAdmin(LookAdmin):
    """To look at, and to call off; one is started on a page of its own."""

    change_list_template = "admin/rules/back_test/change_list.html"
    change_form_template = "admin/rules/back_test/change_form.html"
    list_display = ("created", "state", "progress", "since", "until", "by")
    list_select_related = ("by",)
    ordering = ("-pk",)
    fields = ("created", "state", "progress", "since", "until", "by", "error", "told")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("payload")

    @admin.display(description="Progress")
    def progress(self, test: BackTest) -> str:
        return f"{test.seen:,} of {test.total:,} decisions" if test.total else "-"

    @admin.display(description="What it would have shown")
    def told(self, test: BackTest) -> str:
        if test.result is None:
            return "-"
        rules = sorted(test.result["rules"].items(), key=lambda rule: (-rule[1]["shown"], -rule[1]["held"], rule[0]))
        return render_to_string("admin/rules/back_test/result.html", {"result": test.result, "rules": rules})

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("start/", wrap(self.show_start), name="rules_backtest_start"),
            path("<int:number>/cancel/", wrap(self.cancel), name="rules_backtest_cancel"),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_start(self, request: HttpRequest) -> HttpResponseBase:
        """How many days; with POST, what is live in the draft is tried on them."""
        _require(request)
        form = DaysForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            now = timezone.now()
            since = now - timedelta(days=form.cleaned_data["days"])
            by = request.user if isinstance(request.user, User) else None
            try:
                test = start_back_test(since=since, until=now, by=by, at=now)
            except CannotPublish as error:
                for reason in error.reasons:
                    messages.error(request, reason)
            except TooManyBackTests as error:
                messages.error(request, f"{error}.")
            else:
                messages.success(request, "The draft is being tried.")
                return redirect("admin:rules_backtest_change", test.pk)
        common = {**self.admin_site.each_context(request), "opts": self.opts}
        context = {**common, "title": "Try the draft on past decisions", "form": form}
        return TemplateResponse(request, "admin/rules/back_test/start.html", context)

    @method_decorator(require_POST)
    def cancel(self, request: HttpRequest, number: int) -> HttpResponse:
        _require(request)
        by = request.user if isinstance(request.user, User) else None
        if cancel_back_test(get_object_or_404(BackTest, pk=number), by=by):
            messages.success(request, "It ends soon.")
        else:
            messages.info(request, "It had ended already.")
        return redirect("admin:rules_backtest_change", number)


def _require(request: HttpRequest) -> None:
    if not request.user.has_perm(TRY):
        raise PermissionDenied


admin.site.register(BackTest, BackTestAdmin)
