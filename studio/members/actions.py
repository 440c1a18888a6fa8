"""Who works here: taking somebody in, giving another role, letting go. The last owner stays one."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from profiles.audit import Act, record_act
from studio.account.actions import KIND, end_all_sessions
from studio.models import Member
from studio.roles import Role


class CannotChange(ValueError):
    """Why a login cannot be changed so, in words."""


@transaction.atomic
def take_in(name: str, role: str, *, personal: bool, by: User, at: datetime) -> User:
    """A login without a password yet. Raises CannotChange where the name is taken by a member."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(name)
    except IntegrityError:
        user = User.objects.get(username=name)
        if Member.objects.filter(user=user).exists() or user.is_superuser:
            raise CannotChange(_("There is a member of that name already.")) from None
    member = Member.objects.create(user=user, role=role, sees_personal_data=personal)
    record_act(Act.MADE, by=by, at=at, kind=KIND, subject=name, after=_describe(user, member))
    return user


@transaction.atomic
def change_member(member: Member, *, role: str, personal: bool, active: bool, by: User, at: datetime) -> None:
    """Raises CannotChange where nobody would be left to do it all."""
    stored = Member.objects.select_for_update().select_related("user").get(pk=member.pk)
    user = stored.user
    before = _describe(user, stored)
    stays_owner = role == Role.OWNER and active
    if before["role"] == Role.OWNER and before["active"] and not stays_owner and not _has_other_owner(user):
        raise CannotChange(_("This is the last owner. Make somebody else an owner first."))
    stored.role, stored.sees_personal_data, user.is_active = role, personal, active
    stored.save()
    user.save(update_fields=["is_active"])
    after = _describe(user, stored)
    if before != after:
        name = user.get_username()
        record_act(Act.CHANGED, by=by, at=at, kind=KIND, subject=name, before=before, after=after)
    if not active:
        end_all_sessions(user, by=by, at=at)


def _has_other_owner(user: User) -> bool:
    others = User.objects.filter(is_active=True).exclude(pk=user.pk).select_for_update()
    return others.filter(is_superuser=True).exists() or others.filter(member__role=Role.OWNER).exists()


def _describe(user: User, member: Member) -> dict[str, object]:
    return {"role": member.role, "sees_personal_data": member.sees_personal_data, "active": user.is_active}
