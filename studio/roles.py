"""Roles and what they may do: the one table that every page of the Studio asks."""

from dataclasses import dataclass, replace
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext_lazy as _

from studio.models import Member

Role = Member.Role


class Ability(StrEnum):
    """Something a role may do. A view names the one it needs."""

    LOOK = "look"  # at definitions, sizes, Books, the audit trail
    EDIT = "edit"  # drafts
    PUBLISH = "publish"  # and approve, schedule, roll back
    PEOPLE = "people"  # look at people and decisions, personal data masked
    PERSONAL = "personal"  # the same unmasked
    PRIVACY = "privacy"  # export and erase a person, undo a merge
    EVENTS = "events"  # the live debugger, refusals, dead letters, the catalogue
    SET_UP = "set_up"  # sources, keys, clients, health
    MEMBERS = "members"  # who works here, in which role


ABILITIES: dict[str, frozenset[Ability]] = {
    Role.VIEWER: frozenset({Ability.LOOK}),
    Role.MARKETER: frozenset({Ability.LOOK, Ability.EDIT, Ability.PEOPLE}),
    Role.PUBLISHER: frozenset({Ability.LOOK, Ability.EDIT, Ability.PEOPLE, Ability.PUBLISH}),
    Role.ANALYST: frozenset({Ability.LOOK, Ability.PEOPLE}),
    Role.DEVELOPER: frozenset({Ability.LOOK, Ability.EVENTS, Ability.SET_UP}),
    Role.OWNER: frozenset(Ability),
}
MEANINGS = {
    Role.VIEWER: _("Looks at everything that says nothing of a single person."),
    Role.MARKETER: _("Edits audiences, rules, blocks and offers, and asks for them to be published."),
    Role.PUBLISHER: _("What a marketer does, and publishes, schedules and rolls back."),
    Role.ANALYST: _("Looks at people and decisions; personal data is masked unless granted."),
    Role.DEVELOPER: _("Sets up sources, keys and the catalogue, and follows events as they arrive."),
    Role.OWNER: _("May do everything, and says who works here."),
}
CAN_ERASE = (Role.ANALYST, Role.PUBLISHER)  # once they were granted personal data


@dataclass(frozen=True)
class Visitor:
    """Who asks for a page: their login, role and abilities."""

    user: User
    role: str
    abilities: frozenset[Ability]

    def may(self, ability: Ability) -> bool:
        return ability in self.abilities

    @property
    def sees_personal_data(self) -> bool:
        return Ability.PERSONAL in self.abilities

    @property
    def can(self) -> dict[str, bool]:
        """For templates: `{% if visitor.can.edit %}`."""
        return {ability.value: ability in self.abilities for ability in Ability}


def find_visitor(user: User | AnonymousUser) -> Visitor | None:
    """None of those who have no business in the Studio. A superuser is an owner."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Visitor(user, Role.OWNER, ABILITIES[Role.OWNER])
    member = Member.objects.filter(user=user).first()
    return None if member is None else _of_member(user, member)


def _of_member(user: User, member: Member) -> Visitor:
    visitor = Visitor(user, member.role, ABILITIES[member.role])
    if not member.sees_personal_data:
        return visitor
    more = {Ability.PERSONAL} if Ability.PEOPLE in visitor.abilities or Ability.EVENTS in visitor.abilities else set()
    if member.role in CAN_ERASE:
        more.add(Ability.PRIVACY)
    return replace(visitor, abilities=visitor.abilities | more)
