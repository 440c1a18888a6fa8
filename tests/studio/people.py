"""Members of every role, signed in."""

from django.contrib.auth.models import User
from django.test import Client

from studio.models import Member


def make_user(role: str, *, personal: bool = False, name: str = "") -> User:
    user = User.objects.create_user(name or f"{role}-{User.objects.count()}")
    Member.objects.create(user=user, role=role, sees_personal_data=personal)
    return user


def sign_in(role: str, *, personal: bool = False, name: str = "") -> Client:
    """A client of a member in that role (`marketer`), who may do what it may, and nothing else."""
    client = Client()
    client.force_login(make_user(role, personal=personal, name=name))
    return client
