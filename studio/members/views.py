"""The pages of who works here: roles, links to set a password, and what helps somebody who cannot get in."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from profiles.audit import Act
from studio.account.actions import drop_second_step, end_all_sessions, find_second_step, note_act, unlock
from studio.account.sign_in import make_welcome
from studio.lists import Column, Filter, Listing, Rows
from studio.members.actions import CannotChange, change_member, take_in
from studio.members.forms import MemberForm, TakeInForm
from studio.models import Member, Session
from studio.pages import find_by, needs, show
from studio.roles import MEANINGS, Ability, Role


def _of_role(rows: Rows, role: str) -> Rows:
    return rows.filter(Q(member__role=role) | (Q(is_superuser=True) if role == Role.OWNER else Q(pk=None)))


LISTING = Listing(
    columns=(
        Column(gettext_lazy("Name"), ("username",)),
        Column(gettext_lazy("Role"), ("member__role", "username")),
        Column(gettext_lazy("Personal data")),
        Column(gettext_lazy("Signed in last"), ("last_login", "username")),
        Column(gettext_lazy("State"), ("is_active", "username")),
    ),
    search=("username",),
    filters=(Filter("role", gettext_lazy("Any role"), [(role.value, role.label) for role in Role], _of_role),),
    sort="username",
)


@needs(Ability.MEMBERS)
def show_members(request: HttpRequest) -> HttpResponse:
    found = User.objects.filter(Q(member__isnull=False) | Q(is_superuser=True)).select_related("member")
    meanings = [(role.label, MEANINGS[role]) for role in Role]
    context = {"title": _("People and roles"), "listing": LISTING.show(request, found), "meanings": meanings}
    return show(request, "studio/members/members.html", context)


@needs(Ability.MEMBERS, methods=["GET", "HEAD", "POST"])
def show_member_new(request: HttpRequest) -> HttpResponse:
    form = TakeInForm(request.POST or None)
    if form.is_valid():
        said = form.cleaned_data
        try:
            user = take_in(
                said["name"], said["role"], personal=said["personal"], by=find_by(request), at=timezone.now()
            )
        except CannotChange as error:
            form.add_error("name", str(error))
        else:
            return redirect("studio:member_link", user.pk)
    context = {"title": _("Take somebody in"), "form": form}
    return show(request, "studio/members/form.html", context, status=422 if form.errors else 200)


@needs(Ability.MEMBERS, methods=["GET", "HEAD", "POST"])
def show_member(request: HttpRequest, pk: int) -> HttpResponse:
    member = get_object_or_404(Member.objects.select_related("user"), user=pk)
    user = member.user
    initial = {"role": member.role, "personal": member.sees_personal_data, "active": user.is_active}
    form = MemberForm(request.POST or None, initial=initial)
    if form.is_valid():
        said = form.cleaned_data
        try:
            change_member(
                member,
                role=said["role"],
                personal=said["personal"],
                active=said["active"],
                by=find_by(request),
                at=timezone.now(),
            )
        except CannotChange as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved. It holds from their next click on."))
            return redirect("studio:members")
    context = {
        "title": user.get_username(),
        "form": form,
        "member": member,
        "second_step": find_second_step(user),
        "sessions": Session.objects.filter(user=user, expire_date__gt=timezone.now()).count(),
    }
    return show(request, "studio/members/member.html", context, status=422 if form.errors else 200)


@never_cache
@needs(Ability.MEMBERS, methods=["GET", "HEAD", "POST"])
def show_member_link(request: HttpRequest, pk: int) -> HttpResponse:
    """A link by which they set their password; making one is an act, as it is as good as a password."""
    user = get_object_or_404(User, pk=pk, is_active=True, is_superuser=False)
    link = ""
    if request.method == "POST":
        note_act(Act.MADE, user, by=find_by(request), at=timezone.now(), note="A link to set the password")
        link = request.build_absolute_uri(make_welcome(user))
    context = {"title": _("A link for %(name)s") % {"name": user.get_username()}, "of": user, "link": link}
    return show(request, "studio/members/link.html", context)


@needs(Ability.MEMBERS, methods=["POST"])
def help_member(request: HttpRequest, pk: int) -> HttpResponse:
    """What helps somebody who cannot get in, or should not be in any more."""
    user = get_object_or_404(User, pk=pk, is_superuser=False)
    by, now, what = find_by(request), timezone.now(), request.POST.get("what")
    if what == "unlock":
        unlock(user, by=by, at=now)
        messages.success(request, _("They may try again."))
    elif what == "second_step":
        drop_second_step(user, by=by, at=now)
        messages.success(request, _("No code is asked any more. They can set up another app."))
    elif what == "sessions":
        count = end_all_sessions(user, by=by, at=now)
        messages.success(request, _("Sessions ended: %(count)s.") % {"count": count})
    return redirect("studio:member", pk)
