"""The page on which a marketer starts from a template."""

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from profiles.admin import ModelAdmin
from rules.models import Slot
from rules.starters import STARTERS, DoesNotFit, apply_starter
from rules.validating import BadDraft

NEEDED = ("segments.add_segment", "rules.add_block", "rules.add_offer", "rules.add_rule")


class StarterForm(forms.Form):
    starter = forms.ChoiceField(choices=[(each.name, each.title) for each in STARTERS], widget=forms.RadioSelect)
    slot = forms.ModelChoiceField(Slot.objects.order_by("slug"), help_text="Where it is shown.")


class StarterPages(ModelAdmin):
    """Pages of rules, with the one that makes a whole set of drafts."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.show_start)
        return [path("start/", view, name="rules_rule_start"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def show_start(self, request: HttpRequest) -> HttpResponseBase:
        """The templates and, with POST: the drafts of one are made, and its rule is shown."""
        if not request.user.has_perms(NEEDED):
            raise PermissionDenied
        form = StarterForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            chosen, slot = form.cleaned_data["starter"], form.cleaned_data["slot"]
            by = request.user if isinstance(request.user, User) else None
            try:
                rule = apply_starter(chosen, slot=slot, by=by, at=timezone.now())
            except (DoesNotFit, BadDraft) as error:
                form.add_error(None, str(error))
            else:
                starter = next(each for each in STARTERS if each.name == chosen)
                self.log_addition(request, rule, f"Started from the template {starter.title}.")
                messages.success(request, f"The drafts of “{rule}” are made, and none is live. {starter.adapt}")
                return redirect("admin:rules_rule_change", rule.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Start from a template",
            "form": form,
            "starters": STARTERS,
            "chosen": form["starter"].value(),
        }
        return TemplateResponse(request, "admin/rules/rule/start.html", context)
